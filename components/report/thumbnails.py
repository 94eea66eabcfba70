"""Small pictures inside the page itself."""

import base64
import io

from PIL import Image

from components.images.decode import decode


def data_uri(picture: bytes, side: int) -> str:
    """A picture's bytes → `data:image/webp;base64,…` of `side` x `side` px on white."""
    buffer = io.BytesIO()
    Image.fromarray(decode(picture, side)).save(buffer, "WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
