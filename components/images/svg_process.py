"""Draws one SVG from standard input to standard output, as a program of its own.

A drawing can nest until the stack overflows, refer to itself a billion times, and name files of
this machine. So the process may use little time and memory, and cannot open anything.
"""

import resource
import sys
from xml.parsers import expat

_NO_SVG, _TOO_COSTLY = 2, 3
_UNITS = {
    "": 1.0,
    "px": 1.0,
    "pt": 4 / 3,
    "pc": 16.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 9.6 / 2.54,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
}


def main(arguments: list[str]) -> int:
    """Draws; the exit code is 0, 2 (no SVG) or 3 (too costly)."""
    packages, (seconds, memory, largest, unnamed) = arguments[0], map(int, arguments[1:])
    sys.path.append(packages)
    import resvg_py

    source = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.flush()
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),  # whatever the drawing refers to, this process cannot open it
    ):
        resource.setrlimit(kind, (limit, limit))
    try:
        width, height = drawn_size(root_attributes(source), largest, unnamed)
        png = resvg_py.svg_to_bytes(
            svg_string=source, width=width, height=height, dpi=96, skip_system_fonts=True, languages=["en"]
        )
    except MemoryError:
        return _TOO_COSTLY
    except BaseException as error:  # noqa: BLE001 - Rust's panics are no `Exception`
        sys.stderr.write(f"{type(error).__name__}: {error}".splitlines()[0][:200])
        return _NO_SVG
    sys.stdout.buffer.write(bytes(png))
    sys.stdout.buffer.flush()
    return 0


def root_attributes(source: str) -> dict[str, str]:
    """The attributes of the first element.

    Raises:
        ValueError: if there is none.
    """
    found: list[dict[str, str]] = []

    def first(name: str, attributes: dict[str, str]) -> None:
        if not found:
            found.append(attributes)

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = first
    data = source.encode()
    for start in range(0, len(data), 4096):
        parser.Parse(data[start : start + 4096], False)
        if found:
            return found[0]
    raise ValueError("it has no element")


def drawn_size(root: dict[str, str], largest: int, unnamed: int) -> tuple[int, int]:
    """Width and height, px, from an `svg` element's attributes."""
    width, height = (_length(root.get(side, "")) for side in ("width", "height"))
    box = _box(root.get("viewBox", ""))
    named = True
    if box is not None:
        if width is None and height is None:
            (width, height), named = box, False
        elif width is None and height is not None:
            width = height * box[0] / box[1]
        elif height is None and width is not None:
            height = width * box[1] / box[0]
    elif width is None or height is None:
        width, height = width or 300.0, height or 150.0  # what browsers take (CSS 2.2, section 10.3.2)
    assert width is not None
    assert height is not None
    longer = max(width, height)
    scale = min(1.0, largest / longer) if named else unnamed / longer
    return max(1, round(width * scale)), max(1, round(height * scale))


def _length(text: str) -> float | None:
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%")
    unit = text.strip()[len(number) :].lower()
    try:
        length = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        return None  # a share of the page, or none
    return length if 0 < length < 1e9 else None


def _box(text: str) -> tuple[float, float] | None:
    try:
        _, _, width, height = map(float, text.replace(",", " ").split())
    except ValueError:
        return None
    return (width, height) if 0 < width < 1e9 and 0 < height < 1e9 else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
