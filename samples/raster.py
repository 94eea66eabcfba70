"""Renders icons (SVG) to pictures of 64 to 128 px in each site's colours, size and file format."""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import resvg_py
from PIL import Image

from samples.concepts import brand_colours, read_json

Format = Literal["png", "jpg", "webp"]


@dataclass(frozen=True)
class Style:
    """A site's picture style: file format, side in pixels, and colours of monochrome icons."""

    format: Format
    side: int
    ink: str = "#000000"  # replaces `currentColor`; "brand" = the brand's own colour
    paper: str = ""  # background; "" = none, "brand" = a tile of the brand's colour
    margin: float = 0.0  # empty share of the side around the drawing


STYLES: dict[str, Style] = {
    "noto": Style("png", 128),
    "noto-v1": Style("webp", 128),
    "twemoji": Style("png", 72),
    "openmoji": Style("webp", 96),
    "fluent-emoji-flat": Style("png", 100),
    "emojione": Style("png", 64),
    "emojione-v1": Style("jpg", 64, paper="#ffffff"),
    "fxemoji": Style("jpg", 80, paper="#ffffff"),
    "circle-flags": Style("png", 96),
    "flag": Style("jpg", 120, paper="#ffffff"),
    "flagpack": Style("png", 80),
    "cif": Style("webp", 112),
    "logos": Style("png", 96, margin=0.08),
    "devicon": Style("png", 128, margin=0.05),
    "skill-icons": Style("webp", 96),
    "vscode-icons": Style("png", 64),
    "material-icon-theme": Style("png", 72),
    "streamline-logos": Style("jpg", 96, paper="#ffffff", margin=0.08),
    "cib": Style("png", 96, ink="#24292f", paper="#f6f8fa", margin=0.12),
    "bxl": Style("jpg", 100, ink="#ffffff", paper="brand", margin=0.16),
    "fa6-brands": Style("webp", 112, ink="#183153", paper="#ffffff", margin=0.1),
    "simple-icons": Style("png", 64, ink="brand", paper="#ffffff", margin=0.06),
}
BENCHMARK_SIDE = 128
_FALLBACK_COLOUR = "#3b4252"
_QUALITY = 90


def picture(modules: Path, art_set: str, name: str, key: str) -> bytes:
    """An icon's picture as its site serves it; deterministic."""
    style = STYLES[art_set]
    return encode(render(modules, art_set, name, key, style, style.side), style.format)


def benchmark_picture(modules: Path, art_set: str, name: str, key: str) -> Image.Image:
    """An icon's picture at 128 px on white."""
    return on_white(render(modules, art_set, name, key, STYLES[art_set], BENCHMARK_SIDE))


def render(modules: Path, art_set: str, name: str, key: str, style: Style, side: int) -> Image.Image:
    """Renders an icon as a square RGBA picture of `side` px."""
    svg = _svg(modules, art_set, name, key, style)
    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    return Image.open(io.BytesIO(png)).convert("RGBA")


def on_white(image: Image.Image) -> Image.Image:
    """Replaces transparency by white."""
    canvas = Image.new("RGB", image.size, "#ffffff")
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


def encode(image: Image.Image, file_format: Format) -> bytes:
    """Encodes a picture; transparency becomes white in JPEG."""
    buffer = io.BytesIO()
    if file_format == "png":
        image.save(buffer, "PNG", optimize=False, compress_level=6)
    elif file_format == "webp":
        image.save(buffer, "WEBP", quality=_QUALITY, method=2)
    else:
        on_white(image.convert("RGBA")).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


@lru_cache(maxsize=len(STYLES))
def _icon_set(modules: Path, art_set: str) -> Any:
    return read_json(modules, f"@iconify-json/{art_set}/icons.json")


@lru_cache(maxsize=1)
def _colours(modules: Path) -> dict[str, str]:
    return brand_colours(modules)


def _svg(modules: Path, art_set: str, name: str, key: str, style: Style) -> str:
    data = _icon_set(modules, art_set)
    icon, transform = _resolve(data, name)
    left, top = icon.get("left", 0), icon.get("top", 0)
    width = icon.get("width", data.get("width", 16))
    height = icon.get("height", data.get("height", 16))
    brand = key.removeprefix("brand:")
    colour = _colours(modules).get(brand, _FALLBACK_COLOUR)
    body = icon["body"].replace("currentColor", colour if style.ink == "brand" else style.ink)
    side = max(width, height) * (1 + 2 * style.margin)
    x, y = left - (side - width) / 2, top - (side - height) / 2
    paper = {"": "", "brand": colour}.get(style.paper, style.paper)
    ground = f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="{paper}"/>' if paper else ""
    middle = (left + width / 2, top + height / 2)
    body = f'<g transform="{_transform(transform, middle)}">{body}</g>' if transform else body
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{side}" height="{side}" viewBox="{x} {y} {side} {side}">{ground}{body}</svg>'
    )


def _resolve(data: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An icon's entry, and how an alias flips or rotates it."""
    alias = data.get("aliases", {}).get(name)
    if alias is None:
        return data["icons"][name], {}
    icon, transform = _resolve(data, alias["parent"])
    own = {k: alias[k] for k in ("hFlip", "vFlip", "rotate") if k in alias}
    return icon | {k: alias[k] for k in ("left", "top", "width", "height") if k in alias}, transform | own


def _transform(transform: dict[str, Any], middle: tuple[float, float]) -> str:
    x, y = middle
    steps = [f"translate({x} {y})"]
    if transform.get("rotate"):
        steps.append(f"rotate({90 * transform['rotate']})")
    steps.append(f"scale({-1 if transform.get('hFlip') else 1} {-1 if transform.get('vFlip') else 1})")
    steps.append(f"translate({-x} {-y})")
    return " ".join(steps)


def hash_fraction(*parts: object) -> float:
    """A pseudo-random number in [0, 1) by a hash of the parts."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
