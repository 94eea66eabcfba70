"""SVG → pixels, by resvg in a process of its own, which may hang, crash and eat alone."""

import importlib.util
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from components.images.bad_image import BadImage

# Longer side, px: at most that much is drawn, and that much if the drawing names no size itself.
LARGEST, UNNAMED = 1024, 512
# What one drawing may take; the clock is for a machine that is too busy to give the CPU.
CPU_SECONDS, WALL_SECONDS, MEMORY = 2, 30, 400_000_000
_SCRIPT = Path(__file__).with_name("svg_process.py")
_SNIFFED = 16_384
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # of byte order
# Byte order marks, a declaration, comments, a document type, then the root. Pages that contain a
# drawing begin with another element. Each part is as short as it can be and is not tried again,
# as comments in a row would take the cube of their number.
_ROOT = re.compile(
    r"\s*+(?:(?:<\?[^>]*+>|(?><!--.*?-->)|(?><!DOCTYPE\s++(?:\w+:)?svg[^>\[]*+(?:\[.*?\]\s*+)?>))\s*+)*+"
    r"<(?:[\w.-]+:)?svg[\s/>]",
    re.DOTALL,
)
_NO_SVG, _TOO_COSTLY = 2, 3


def is_svg(data: bytes) -> bool:
    """Whether a file's first element is that of a drawing."""
    if not data.startswith(_MARKS) and data[:16].lstrip()[:1] not in (b"<", b""):
        return False
    return _ROOT.match(text_of(data[:_SNIFFED])) is not None


def text_of(data: bytes) -> str:
    """XML as text: in UTF-16 by its mark, else in the encoding that its declaration names."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    named = re.match(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]{1,20})[\"']", data)
    latin = named is not None and named[1].lower() in (b"iso-8859-1", b"latin1", b"windows-1252", b"us-ascii")
    return data.decode("cp1252" if latin else "utf-8-sig", "replace")


def rasterised(data: bytes) -> bytes:
    """A drawing → PNG with transparency, in the size that it names, at most `LARGEST` px.

    Text is not drawn, so that a picture does not depend on the fonts of a machine. Nothing that a
    drawing refers to is fetched or opened: its process cannot open files or sockets.

    Raises:
        BadImage: `undecodable` if it is no SVG, `bomb` if it takes too much time or memory.
    """
    command = [sys.executable, "-I", "-S", str(_SCRIPT), _packages(), str(CPU_SECONDS), str(MEMORY)]
    try:
        done = subprocess.run(
            [*command, str(LARGEST), str(UNNAMED)],
            input=text_of(data).encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _costly(data) from None
    if done.returncode == 0 and done.stdout:
        return done.stdout
    if done.returncode == _NO_SVG:
        raise BadImage(f"SVG of {len(data)} bytes cannot be drawn: {done.stderr.decode(errors='replace').strip()}")
    raise _costly(data)


def _costly(data: bytes) -> BadImage:
    return BadImage(
        f"SVG of {len(data)} bytes cannot be drawn within {CPU_SECONDS} s and {MEMORY // 1_000_000} MB", "bomb"
    )


@lru_cache(maxsize=1)
def _packages() -> str:
    """The folder that resvg is installed in."""
    found = importlib.util.find_spec("resvg_py")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parents[1])
