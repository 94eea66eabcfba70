"""Hostile pages: what they repeat, nest, leave open and claim."""

import random
from collections.abc import Callable, Iterator

from benchmarks.hostile.case import LARGE, Case

# The largest page that is read.
_PAGE = 2 * LARGE
_SIZES = (LARGE, _PAGE)
_IMAGE = "<img src=a alt=b>"
_CAPTION = "<p class=wp-caption-text>a</p>"
# What is repeated until the page is full.
_REPEATED = {
    "div": "<div>",
    "b": "<b>",
    "p in b": "<b><p>",
    "a": "<a>",
    "a in table": "<table><a>",
    "tables": "<table><td>",
    "nested lists": "<ul><li>",
    "nested selects": "<select><optgroup><option>",
    "options": "<option>a",
    "font with attributes": "<font size=1 color=red face=a>",
    "many formats": "<b><i><u><s><em><code><big><tt>",
    "svg": "<svg>",
    "svg in math": "<svg><foreignObject><math><mi>",
    "math": "<math><annotation-xml encoding=text/html>",
    "templates": "<template>",
    "templates with images": f"<template>{_IMAGE}",
    "frames": "<iframe>",
    "comments": "<!--",
    "closed comments": "<!---->",
    "bogus comments": "<?a>",
    "end tags": "</b>",
    "end tags of p": "</p>",
    "end tags of br": "</br>",
    "unknown tags": "<x-a>",
    "headings": "<h1>",
    "buttons": "<button>",
    "forms": "<form>",
    "custom elements": "<a-b c>",
    "marks": "<mark><b>",
    "misnested": "<b><p></b></p>",
    "misnested links": "<a><div></a>",
    "nobr": "<nobr><p>",
    "rubies": "<ruby><rt>",
    "entities": "&amp;",
    "long entities": "&CounterClockwiseContourIntegral;",
    "no entities": "&CounterClockwiseContourIntegra",
    "numbers": "&#x10ffff;",
    "zeros": "\0",
    "less than": "<",
    "quotes": "<a b='",
    "double quotes": '<a b="',
    "images": _IMAGE,
    "images without text": "<img src=a>",
    "images with titles": "<img src=a title='b c'>",
    "large images": "<img srcset='a.jpg 1w, b.jpg 2w, c.jpg 3w' alt=b>",
    "lazy images": "<img data-src=a/b.jpg data-full=c.jpg data-x=d.jpg alt=b>",
    "images in links": "<a href=b.jpg><img src=a alt=b>",
    "picture per image": "<picture><source srcset='a 1w'><img src=a alt=b></picture>",
    "amp images": "<amp-img src=a alt=b>",
    "backgrounds": "<p role=img aria-label=a style='background:url(a)'>",
    "figures": "<figure><img src=a><figcaption>b</figure>",
    "figures in figures": "<figure><img src=a><figcaption>b",
    "containers": f"<div class=wp-caption>{_IMAGE}{_CAPTION}</div>",
    "captions": _CAPTION,
    "captions in captions": "<div class=gallerytext>a",
    "metas": "<meta name=robots content=noindex>",
    "metas with names": "<meta name=mofi,crawl,x content='none: noindex'>",
    "og": "<meta property=og:image content=a>",
    "titles": "<title>a</title>",
    "bases": "<base href=a>",
    "links": "<a href=a>",
    "links with rel": "<a rel='a b c nofollow' href=//x.example/b>b</a>",
    "odd links": "<a href='//ä.example/ö'>",
    "areas": "<area href=a>",
    "roots": "<html a=b>",
    "bodies": "<body a=b>",
    "framesets": "<frameset>",
    "scripts": "<script>a</script>",
    "data": '<script type=application/ld+json>{"@type":"ImageObject","url":"a","name":"b"}</script>',
    "closed in attributes": "<div a='</div>'>",
    "closed in comments": "<div><!--</div>-->",
    "closed in scripts": "<div><script></div></script>",
    "closed in data": "<svg><g><![CDATA[></g>]]>",
    "closed by other names": "<div></x>",
    "closed by names that are not open": "<span></y>",
    "plain": "a ",
    "Chinese": "蟹",
}
# What is repeated between a beginning and an end.
_AROUND = {
    "sources, then images": ("<picture>", "<source srcset='a.jpg 1w, b.jpg 2w'>", _IMAGE, ""),
    "images of one figure": ("<figure>", "", "<img src=a>", "<figcaption>a crab"),
    "images of one link": ("<a href=b.jpg title='c d'>", "", "<img src=a>", ""),
    "images of one container": ("<div class=wp-caption>", _CAPTION, "<img src=a>", ""),
    "long title": (f"<title>{'crab ' * 300}</title>", "", _IMAGE, ""),
    "long base": (f"<base href='https://h.example/{'p' * 1900}/'>", "", "<img src=a alt=b><a href=c>", ""),
    "formats left open, then paragraphs": ("", "<b>", "<p>a", ""),
    "colours left open, then paragraphs": ("", "<font color=#010203>", "<p>", ""),
    "links left open, then tables": ("", "<a href=b>", "<table>", ""),
    "deep, then images": ("", "<div>", _IMAGE, ""),
    "deep, then end tags": ("", "<div>", "</p>", ""),
    "deep lists, then ends": ("", "<ul><li>", "</dd>", ""),
    "deep, then links": ("", "<div>", "<a href=b></a>", ""),
    "one script of data": ("<script type=application/ld+json>[", '{"@type":"ImageObject","url":"a","name":"b"},', "", "0]"),
    "deep data": ('<script type=application/ld+json>"ImageObject"', "[", "", ""),
    "wide data": ('<script type=application/ld+json>["ImageObject"', ",[]", "", "]"),
    "one text": ("<p>", "a ", "", ""),
    "one caption": ("<figure><img src=a><figcaption>", "<b>a</b>", "", ""),
    "one long attribute": ("<img src=a alt='", "a ", "", "'>"),
    "one long srcset": ("<img alt=b srcset='", "a 1w,", "", "'>"),
    "one long style": ("<p role=img aria-label=b style='", "url( ", "", "'>"),
    "one long link": ("<a href='", "a/../", "", "'>"),
    "one long meta": ("<meta name=robots content='", "none:", "", "'>"),
    "one long robots word": ("<meta name=robots content='", "a-", "", "'>"),
    "one long name of a meta": ("<meta name='", "mofi ", "", "' content=noindex>"),
    "one long class": ("<img src=a><p class='caption ", "caption ", "", "'>"),
    "one long language": ("<html lang='", "en-", "", "'>"),
    "a select": ("<select>", "<option>a", "", "</select>"),
}  # fmt: skip


def cases() -> Iterator[Case]:
    """The hostile pages."""
    for name, part in _REPEATED.items():
        yield Case("page", name, _repeated(part), _SIZES)
    for name, parts in _AROUND.items():
        yield Case("page", name, _around(*parts), _SIZES)
    for name, make in _MADE.items():
        yield Case("page", name, make, _SIZES)


def _repeated(part: str) -> Callable[[int], bytes]:
    return lambda size: (part.encode() * (size // len(part.encode()) + 1))[:size]


def _around(begin: str, first: str, second: str, end: str) -> Callable[[int], bytes]:
    """Half of it is the first part, half the second."""

    def make(size: int) -> bytes:
        room = (size - len(begin) - len(end)) // (2 if first and second else 1)
        return "".join([begin, *(part * (room // len(part)) for part in (first, second) if part), end]).encode()

    return make


def _attributes(size: int) -> bytes:
    """An element with as many attributes as fit."""
    return f"<p {' '.join(f'a{n}' for n in range(size // 7))}><img src=a alt=b>".encode()


def _few_attributes(size: int) -> bytes:
    """Many elements with nearly as many attributes as one may have."""
    element = f"<p {' '.join(f'a{n}' for n in range(480))}>"
    return (element * (size // len(element))).encode()


def _hidden_attributes(size: int) -> bytes:
    return f"<p a='<p b=\">' {' '.join(f'a{n}=>' for n in range(size // 9))}>".encode()


def _tags(size: int) -> bytes:
    """Tags of other names each."""
    return "".join(f"<a{n:x}>" for n in range(size // 8)).encode()


def _numbered(element: str) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        return "".join(element % n for n in range(size // (len(element) + 3))).encode()

    return make


def _random_tags(size: int) -> bytes:
    chance = random.Random(0)
    names = [
        "a",
        "b",
        "p",
        "div",
        "table",
        "tr",
        "td",
        "li",
        "ul",
        "select",
        "option",
        "svg",
        "math",
        "template",
        "form",
        "button",
        "h1",
        "i",
        "u",
        "font",
        "nobr",
        "figure",
        "img",
    ]
    made, length = list[str](), 0
    while length < size:
        made.append(f"<{chance.choice(['', '', '/'])}{chance.choice(names)}>")
        length += len(made[-1])
    return "".join(made).encode()


def _random_bytes(size: int) -> bytes:
    return random.Random(0).randbytes(size)


def _high_bytes(size: int) -> bytes:
    """No encoding's text."""
    chance = random.Random(0)
    return bytes(chance.randrange(128, 256) for _ in range(size))


def _in(codec: str, text: str) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        part = text.encode(codec)
        return (part * (size // len(part) + 1))[:size]

    return make


def _long_hosts(size: int) -> bytes:
    link = f"<a href='//{'ä' * 50}.{'ö' * 50}.example/%d'></a><img alt=b src='//{'ü' * 50}.example/%d'>"
    return "".join(link % (n, n) for n in range(size // len(link.encode()))).encode()


def _broken_utf_8(size: int) -> bytes:
    return b"<p>" + b"\xc3" * size


def _declared(label: str) -> Callable[[int], bytes]:
    return lambda size: f"<meta charset={label}>".encode() + _random_bytes(size)


_MADE: dict[str, Callable[[int], bytes]] = {
    "attributes": _attributes,
    "attributes, nearly too many": _few_attributes,
    "attributes behind quotes": _hidden_attributes,
    "names": _tags,
    "distinct images": _numbered("<img src=%d alt=b>"),
    "distinct links": _numbered("<a href=%d>"),
    "distinct odd links": _numbered("<a href='ä/../%d'>"),
    "distinct texts": _numbered("<img src=a alt='a crab of number %d'>"),
    "ids": _numbered("<p id=%d class=c%%d>"),
    "random tags": _random_tags,
    "random bytes": _random_bytes,
    "high bytes": _high_bytes,
    "cp1251": _in("cp1251", "<p>Съешь же ещё этих мягких французских булок"),
    "cp1252": _in("cp1252", "<p>Voilà un été à l'île, où l'on goûte des pêches"),
    "koi8-r": _in("koi8-r", "<p>Съешь же ещё этих мягких французских булок"),
    "shift_jis": _in("shift_jis", "吾輩は猫である。名前はまだ無い。"),
    "euc_jp": _in("euc_jp", "吾輩は猫である。名前はまだ無い。"),
    "gb18030": _in("gb18030", "春眠不觉晓，处处闻啼鸟。"),
    "big5": _in("big5", "床前明月光，疑是地上霜。"),
    "euc_kr": _in("euc_kr", "모든 인간은 태어날 때부터 자유로우며"),
    "utf-16": _in("utf-16-le", "\ufeff<p>a crab"),
    "broken utf-8": _broken_utf_8,
    "long hosts": _long_hosts,
    **{f"random bytes as {label}": _declared(label) for label in ("gb18030", "iso-2022-jp", "big5", "shift_jis", "utf-8")},
}  # fmt: skip
