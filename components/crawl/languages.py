"""Languages of texts: those that can be detected, how pages declare them, and their scripts."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# What py3langid detects, without `zxx`, which is no language.
DETECTED = frozenset(
    """ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr fuv fy ga
    gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko ku ky la lb lg lij ln
    lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa sdh se si sk sl sn so sq sr
    st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu""".split()  # noqa: SIM905 - readable
)
# Other codes for the same language: old ones, those of three letters, and kinds of Norwegian.
_SAME = {
    "nb": "no",
    "nn": "no",
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "fil": "tl",
    "cmn": "zh",
} | dict(
    pair.split(":")
    for pair in """afr:af alb:sq sqi:sq amh:am ara:ar arb:ar arm:hy hye:hy asm:as aze:az baq:eu eus:eu bel:be ben:bn bos:bs
    bre:br bul:bg bur:my mya:my cat:ca chi:zh zho:zh hrv:hr cze:cs ces:cs dan:da dut:nl nld:nl eng:en epo:eo est:et fao:fo
    fin:fi fre:fr fra:fr geo:ka kat:ka ger:de deu:de gle:ga glg:gl gre:el ell:el guj:gu heb:he hin:hi hun:hu ice:is isl:is
    ind:id ita:it jpn:ja jav:jv kan:kn kaz:kk khm:km kir:ky kor:ko kur:ku lao:lo lat:la lav:lv lit:lt ltz:lb mac:mk mkd:mk
    may:ms msa:ms mal:ml mar:mr mlt:mt mon:mn nep:ne nor:no nob:no nno:no oci:oc ori:or pan:pa per:fa fas:fa pol:pl por:pt
    pus:ps rum:ro ron:ro rus:ru san:sa sin:si slo:sk slk:sk slv:sl som:so spa:es srp:sr swa:sw swe:sv tam:ta tat:tt tel:te
    tgk:tg tgl:tl tha:th tur:tr uig:ug ukr:uk urd:ur uzb:uz vie:vi wel:cy cym:cy xho:xh yor:yo zul:zu""".split()  # noqa: SIM905
)
# Declared values that name no language: ISO 639-2's special codes, and what templates leave there.
_NONE = frozenset(["", "und", "mul", "mis", "zxx", "x", "root", "default", "auto", "none", "null", "undefined", "lang"])
# Scripts, by the first word of their letters' Unicode names, of languages that are not in Latin.
_SCRIPTS = {
    "CYRILLIC": "ba be bg kk ky mk mn ru sr tg tt uk uz az ku tk ug",
    "ARABIC": "ar ary arz fa ps ur ug sdh ku ky kk az uz tk ms ha",
    "GREEK": "el grc",
    "HEBREW": "he hbo",
    "DEVANAGARI": "hi mr ne sa gom",
    "BENGALI": "bn as",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "ORIYA": "or",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn gom",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "THAI": "th",
    "LAO": "lo",
    "TIBETAN": "dz",
    "MYANMAR": "my",
    "GEORGIAN": "ka",
    "HANGUL": "ko",
    "ETHIOPIC": "am",
    "KHMER": "km",
    "MONGOLIAN": "mn",
    "ARMENIAN": "hy",
    "CJK": "zh wuu yue ja ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
}
_WRITTEN_BY = {script: frozenset(languages.split()) for script, languages in _SCRIPTS.items()}
_LATIN_ENDS = 0x24F  # the last code point of the Latin blocks that alphabets use


def canonical(code: str) -> str:
    """The code by which a language is compared: `en` for `eng`, `no` for `nb`."""
    return _SAME.get(code, code)


def declared(tag: str) -> str:
    """The language of a page's `lang` (`en` for `en-us`); empty if it names none."""
    code = tag.partition("-")[0]
    return canonical(code) if code not in _NONE and 2 <= len(code) <= 3 else ""


def foreign_letters(text: str, languages: Iterable[str]) -> tuple[int, int]:
    """How many letters are of a script that no one of the languages is written in, and of any.

    Latin letters are not foreign to any language: names and brands are written in them everywhere.
    """
    wanted = frozenset(languages)
    foreign = letters = 0
    for letter in text:
        if letter.isalpha():
            letters += 1
            if ord(letter) > _LATIN_ENDS:
                writers = _WRITTEN_BY.get(_script(letter))
                foreign += writers is not None and wanted.isdisjoint(writers)
    return foreign, letters


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
