"""Pictures to decode, and their bytes."""

import io
import random

import numpy as np
from PIL import Image, ImageDraw

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def near(pixel: object, colour: tuple[int, int, int], slack: int = 6) -> bool:
    return bool(np.abs(np.subtract(pixel, colour)).max() <= slack)


def scribble(seed: int, side: int = 96) -> Image.Image:
    """A drawing of a few shapes."""
    luck = random.Random(seed)
    image = Image.new("RGB", (side, side), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(5):
        box = sorted(luck.randrange(side) for _ in range(2)), sorted(luck.randrange(side) for _ in range(2))
        colour = tuple(luck.randrange(256) for _ in range(3))
        shape = luck.choice((draw.ellipse, draw.rectangle))
        shape((box[0][0], box[1][0], box[0][1] + 8, box[1][1] + 8), fill=colour)
    return image


def stripes(colours: list[str], side: int = 96) -> Image.Image:
    """A flag of horizontal stripes: it has no frequency across."""
    image = Image.new("RGB", (side, side))
    for n, colour in enumerate(colours):
        image.paste(colour, (0, n * side // len(colours), side, (n + 1) * side // len(colours)))
    return image


# The upper left corner is red. EXIF's eight orientations say where it is to be shown.
CORNERS = {1: (0, 0), 2: (-1, 0), 3: (-1, -1), 4: (0, -1), 5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}
