"""Texts of pictures: each site uses another community's names, as on the web."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samples.concepts import COMMUNITIES, Concept, Drawing, read_json, several
from samples.raster import hash_fraction

GROUP_TITLES = {
    "smileys-emotion": "Smileys & emotion",
    "people-body": "People & body",
    "animals-nature": "Animals & nature",
    "food-drink": "Food & drink",
    "travel-places": "Travel & places",
    "activities": "Activities",
    "objects": "Objects",
    "symbols": "Symbols",
    "flags": "Flags of countries",
    "brands": "Brand logos",
}
USELESS = ("image", "icon", "picture", "", "photo", "img", "untitled", "*", "thumbnail")


@dataclass(frozen=True)
class PictureText:
    """A picture's alt text and figure caption (empty if the site has none)."""

    alt: str
    caption: str


@dataclass(frozen=True)
class ShortCodes:
    """The communities' short codes by hexcode."""

    codes: dict[str, Any]

    @classmethod
    def load(cls, modules: Path) -> "ShortCodes":
        """Reads the short codes of all communities."""
        return cls({c: read_json(modules, f"emojibase-data/en/shortcodes/{c}.json") for c in COMMUNITIES})

    def code(self, community: str, concept: Concept) -> str:
        """A community's first short code for an emoji or flag, else CLDR's."""
        for source in (community, "cldr"):
            names = self.codes[source].get(_hexcode(concept))
            if names:
                return several(names)[0]
        return concept.label.lower().replace(" ", "_")


def _hexcode(concept: Concept) -> str:
    kind, _, name = concept.key.partition(":")
    if kind == "emoji":
        return name
    if "-" in name:
        letters = name.replace("-", "").lower()
        return "-".join(["1F3F4", *(f"{0xE0000 + ord(c):X}" for c in letters), "E007F"])
    return "-".join(f"{ord(c) - ord('A') + 0x1F1E6:X}" for c in name)


TextStyle = Callable[[Concept, Drawing, ShortCodes], PictureText]


def _spaced(code: str) -> str:
    return code.replace("_", " ").replace("-", " ")


def _group(concept: Concept) -> str:
    return GROUP_TITLES[concept.domain]


def _noto(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(c.label, f"{c.label.capitalize()} – {_group(c)}")


def _noto_v1(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"Android emoji of {_article(c.label)}" if c.domain != "flags" else f"Flag of {c.label}", "")


def _twemoji(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f":{x.code('github', c)}:", "")


def _openmoji(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    keywords = [t for t in c.tags if t != c.label][:3]
    return PictureText(", ".join([c.label, *keywords]), "")


def _fluent(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(
        f"{d.name.replace('-', ' ')} emoji", f"A flat picture of {_article(_spaced(x.code('emojibase', c)))}"
    )


def _emojione(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(_spaced(x.code("joypixels", c)), "")


def _emojione_v1(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(x.code("iamcal", c), f"{_spaced(x.code('emojibase', c)).capitalize()}, drawn for phones")


def _fxemoji(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"Firefox OS emoji: {_spaced(x.code('emojibase', c))}", "")


def _circle_flags(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"Round flag of {c.label}", "")


def _flag(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(d.name.removesuffix("-4x3"), f"{c.label} ({c.key.removeprefix('flag:')})")


def _flagpack(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"{c.label} flag icon", "")


def _cif(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"National flag: {c.label}", c.label)


def _logos(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"{c.label} logo", "")


def _devicon(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"{d.name}-original", f"{c.label}, an icon for programming tools")


def _skill(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"My skills: {c.label}", "")


def _vscode(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(d.name, f"{c.label} file in the code editor")


def _material(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"{_spaced(d.name)} file icon", "")


def _streamline(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(d.name, f"Company logo of {c.label}")


def _cib(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"{c.label} brand icon", "")


def _bxl(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"bxl-{d.name}", f"{c.label} logo")


def _fa(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(f"fa-brands fa-{d.name}", f"Brand icon: {c.label}")


def _simple(c: Concept, d: Drawing, x: ShortCodes) -> PictureText:
    return PictureText(c.label, f"{c.label} – brand logo")


TEXT_STYLES: dict[str, TextStyle] = {
    "noto": _noto,
    "noto-v1": _noto_v1,
    "twemoji": _twemoji,
    "openmoji": _openmoji,
    "fluent-emoji-flat": _fluent,
    "emojione": _emojione,
    "emojione-v1": _emojione_v1,
    "fxemoji": _fxemoji,
    "circle-flags": _circle_flags,
    "flag": _flag,
    "flagpack": _flagpack,
    "cif": _cif,
    "logos": _logos,
    "devicon": _devicon,
    "skill-icons": _skill,
    "vscode-icons": _vscode,
    "material-icon-theme": _material,
    "streamline-logos": _streamline,
    "cib": _cib,
    "bxl": _bxl,
    "fa6-brands": _fa,
    "simple-icons": _simple,
}


def picture_text(
    concept: Concept, drawing: Drawing, short_codes: ShortCodes, seed: int, useless_share: float
) -> PictureText:
    """A site's text of a picture; a share of the texts are useless or file names."""
    text = TEXT_STYLES[drawing.art_set](concept, drawing, short_codes)
    fraction = hash_fraction(seed, "words", drawing.art_set, concept.key)
    if fraction < useless_share:
        return PictureText(USELESS[int(fraction / useless_share * len(USELESS))], "")
    if fraction < 2 * useless_share:
        return PictureText(f"{drawing.name.replace('-', '_')}_{int(fraction * 1e6) % 1000:03d}.png", text.caption)
    return text


def _article(name: str) -> str:
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
