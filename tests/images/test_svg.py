"""Drawings (SVG): what is drawn, and what a hostile one cannot do."""

import base64
from pathlib import Path

import pytest
from PIL import Image

from components.images.bad_image import BadImage
from components.images.decode import decode, open_rgb
from components.images.svg import is_svg, rasterised
from components.images.svg_process import drawn_size
from tests.images.drawings import BLUE, RED, WHITE, encoded

SPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(attributes: str, inside: str) -> bytes:
    return f"<svg {SPACES} {attributes}>{inside}</svg>".encode()


def test_a_drawing_is_shown_on_white() -> None:
    shown = open_rgb(svg('width="64" height="32" viewBox="0 0 64 32"', '<rect width="32" height="32" fill="red"/>'))
    assert (shown.mode, shown.size) == ("RGB", (64, 32))
    assert (shown.getpixel((8, 8)), shown.getpixel((48, 8))) == (RED, WHITE)


@pytest.mark.parametrize("quick", [False, True])
def test_all_decoders_take_a_drawing(quick: bool) -> None:
    pixels = decode(svg('viewBox="0 0 10 10"', '<rect width="10" height="10" fill="blue"/>'), 16, quick=quick)
    assert (pixels == BLUE).all()


@pytest.mark.parametrize(
    ("root", "size"),
    [
        ({"width": "64", "height": "32"}, (64, 32)),
        ({"width": "64px", "height": " 32.4px "}, (64, 32)),
        ({"width": "210mm", "height": "297mm"}, (724, 1024)),
        ({"width": "1in", "height": "72pt"}, (96, 96)),
        ({"width": "100%", "height": "100%", "viewBox": "0 0 100 50"}, (512, 256)),
        ({"viewBox": "-5,-5,24,24"}, (512, 512)),
        ({"width": "30", "viewBox": "0 0 3 6"}, (30, 60)),
        ({"height": "30", "viewBox": "0 0 3 6"}, (15, 30)),
        ({"width": "4000000", "height": "10"}, (1024, 1)),
        ({}, (300, 150)),
        ({"width": "-1", "height": "nan", "viewBox": "0 0 0 inf"}, (300, 150)),
    ],
)
def test_its_size_is_the_one_that_it_names_within_bounds(root: dict[str, str], size: tuple[int, int]) -> None:
    assert drawn_size(root, 1024, 512) == size


@pytest.mark.parametrize(
    "data",
    [
        b"<svg/>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<!-- Generator: <svg> -->\n<svg:svg xmlns:svg='x'>",
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://w3.org/svg11.dtd" [<!ENTITY a "b">]>\n<svg >',
        "<svg width='3'>".encode("utf-16"),
        b"\n\n <svg\nwidth='1'>",
    ],
)
def test_a_drawing_is_recognised_by_its_first_element(data: bytes) -> None:
    assert is_svg(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><svg>",
        b"<html><svg>",
        b"<!-- <svg> --><div>",
        b"<svgx>",
        b"svg",
        b"<!-- -->" * 2000,  # took the cube of their number
        b"<!-- " * 3000,
        b"<?x>\n" * 3000,
        b"<!DOCTYPE svg [" + b"] " * 8000,
        encoded(Image.new("L", (3, 3))),
    ],
)
def test_pages_and_other_pictures_are_no_drawings(data: bytes) -> None:
    assert not is_svg(data)


def test_entities_and_another_encoding_are_read() -> None:
    head = '<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE svg [<!ENTITY c "red">]>'
    source = f'{head}<svg {SPACES} width="9" height="9"><title>Ö</title><rect width="9" height="9" fill="&c;"/></svg>'
    assert open_rgb(source.encode("latin-1")).getpixel((4, 4)) == RED


def test_a_picture_within_a_drawing_is_shown_but_none_that_lies_elsewhere(tmp_path: Path) -> None:
    png = encoded(Image.new("RGB", (8, 8), RED))
    path = tmp_path / "red.png"
    path.write_bytes(png)
    shown = {}
    for name, href in {
        "inside": f"data:image/png;base64,{base64.b64encode(png).decode()}",
        "path": str(path),
        "url": path.as_uri(),
        "entity": "&file;",
    }.items():
        picture = f'<image width="8" height="8" xlink:href="{href}"/>'
        source = f'<!DOCTYPE svg [<!ENTITY file "{path}">]>'.encode() + svg('width="8" height="8"', picture)
        shown[name] = open_rgb(source).getpixel((4, 4))
    assert shown == {"inside": RED, "path": WHITE, "url": WHITE, "entity": WHITE}


NESTED = "".join(f'<g id="a{n + 1}">' + f'<use xlink:href="#a{n}"/>' * 10 + "</g>" for n in range(9))
LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(svg('width="9" height="9"', "<g>" * 100_000 + "</g>" * 100_000), id="nested until the stack ends"),
        pytest.param(svg('width="9" height="9"', f'<g id="a0"/>{NESTED}<use xlink:href="#a9"/>'), id="a billion uses"),
        pytest.param(
            f'<!DOCTYPE svg [<!ENTITY a0 "a">{LAUGHS}]>'.encode() + svg('width="9" height="9"', "<text>&a9;</text>"),
            id="a billion laughs",
        ),
        pytest.param(
            b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
            + svg('width="9" height="9"', "<text>&a;</text>"),
            id="an external entity",
        ),
        pytest.param(svg('width="9" height="9"', "<g><circle"), id="broken off"),
        pytest.param(b"<svg \xff\xfe \0 >", id="garbage"),
    ],
)
def test_a_hostile_drawing_is_a_bad_image_and_nothing_else(data: bytes) -> None:
    with pytest.raises(BadImage):
        open_rgb(data)


def test_a_drawing_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.images.svg.CPU_SECONDS", 1)
    noise = '<filter id="f"><feTurbulence numOctaves="1000000" baseFrequency="0.1"/></filter>'
    with pytest.raises(BadImage, match="cannot be drawn within 1 s") as caught:
        rasterised(svg('width="900" height="900"', f'{noise}<rect width="900" height="900" filter="url(#f)"/>'))
    assert caught.value.reason == "bomb"
