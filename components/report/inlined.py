"""Pictures inside the page itself, as `data:` addresses."""

import base64
import io
from pathlib import Path

from PIL import Image

from components.images.decode import decode


def data_uri(picture: bytes, side: int) -> str:
    """A picture's bytes → `data:image/webp;base64,…` of `side` x `side` px on white."""
    buffer = io.BytesIO()
    Image.fromarray(decode(picture, side)).save(buffer, "WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def calibration_uri(labels: Path) -> str | None:
    """The chart of the calibration as `data:image/svg+xml;base64,…`; None where there is none."""
    path = labels / "calibration.svg"
    if not path.is_file():
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
