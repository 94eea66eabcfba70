"""Hostile drawings (SVG): what they repeat, nest and refer to."""

import io
from base64 import b64encode
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

from PIL import Image

from benchmarks.hostile.case import LARGE, SMALL

ANY, ONE = (LARGE, 10 * LARGE), (SMALL,)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture's file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _svg(body: str, head: str = "width='1000' height='1000'") -> Callable[[int], bytes]:
    """A drawing that repeats something."""

    def make(size: int) -> bytes:
        return f"<svg xmlns='http://www.w3.org/2000/svg' {head}>{body * (size // len(body))}</svg>".encode()

    return make


def _svg_laughs(_: int) -> bytes:
    uses = "".join(f"<g id='g{n}'>" + f"<use href='#g{n - 1}'/>" * 10 + "</g>" for n in range(1, 9))
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='900'><g id='g0'><rect width='9' height='9'/></g>"
        f"{uses}<use href='#g8'/></svg>"
    ).encode()  # fmt: skip


def _svg_entities(_: int) -> bytes:
    entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 9))
    return (
        f"<!DOCTYPE svg [<!ENTITY e0 'aaaaaaaaaa'>{entities}]>"
        "<svg xmlns='http://www.w3.org/2000/svg'><text>&e8;</text></svg>"
    ).encode()


def _svg_filters(_: int) -> bytes:
    blurs = "<feGaussianBlur stdDeviation='80'/><feTurbulence numOctaves='20' baseFrequency='0.9'/>" * 40
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='1024' height='1024'><filter id='f'>{blurs}</filter>"
        "<rect width='1024' height='1024' filter='url(#f)'/></svg>"
    ).encode()


def _svg_layers(_: int) -> bytes:
    """Groups with opacity, each of which needs a canvas of its own."""
    depth = 60
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' width='1024' height='1024'>" + "<g opacity='0.9'>" * depth
        + "<rect width='1024' height='1024'/>" + "</g>" * depth + "</svg>"
    ).encode()  # fmt: skip


def _svg_image(_: int) -> bytes:
    inner = b64encode(encoded(Image.new("RGBA", (5000, 5000)), "PNG")).decode()
    return (
        "<svg xmlns='http://www.w3.org/2000/svg' width='1024' height='1024'>"
        f"<image width='900' height='900' href='data:image/png;base64,{inner}'/></svg>"
    ).encode()


def start(beginning: bytes) -> Callable[[int], bytes]:
    """Nothing but a beginning, and zeros or the same bytes again."""
    return lambda size: bytes(islice(cycle(beginning), size))


DRAWINGS: dict[str, tuple[Callable[[int], bytes], tuple[int, ...]]] = {
    "SVG rectangles": (_svg("<rect width='9999' height='9999' opacity='.5'/>"), ANY),
    "SVG groups": (_svg("<g>"), ANY),
    "SVG paths": (_svg("<path d='M0 0C1 2 3 4 5 6z' stroke='red' stroke-dasharray='.01'/>"), ANY),
    "SVG attributes": (_svg("a "), ANY),
    "SVG styles": (_svg("<style>a b c>d{fill:red}</style><a class='b'/>"), ANY),
    "SVG laughs": (_svg_laughs, ONE),
    "SVG entities": (_svg_entities, ONE),
    "SVG filters": (_svg_filters, ONE),
    "SVG layers": (_svg_layers, ONE),
    "SVG with a picture": (_svg_image, ONE),
    "SVG, comments": (start(b"<!---->"), ANY),
    "SVG, comment": (start(b"<!--"), ANY),
    "SVG, blanks": (start(b" "), ANY),
    "SVG, doctype": (start(b"<!DOCTYPE svg ["), ANY),
}
