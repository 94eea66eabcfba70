"""Texts that are the name of a file, or what a camera calls a picture."""

import re

from components.crawl.filters import PairFilter
from components.crawl.pair import Pair

_ENDING = r"\.(?:jpe?g|png|gif|webp|svg|bmp|tiff?|avif|heic|ico|jfif)"
_CAMERA = r"(?:img|dsc[nf]?|p|pict|mvi|wp|pxl|screen ?shot|image|photo|picture|foto|untitled|file)"
# `IMG_1234`, `DSC00012`, `20190412_101112`, `Screenshot 2024-01-01`, and what ends like a file.
_FILE = re.compile(
    rf"\S*{_ENDING}|(?:\S+\s+){{0,3}}\S+{_ENDING}"
    rf"|{_CAMERA}[\s_-]*\d[\d\s_.-]*(?:at[\d\s.]+)?(?:[ap]m)?"
    r"|[\d\s_.:-]+|[0-9a-f-]{16,}",
    re.IGNORECASE,
)


class FileName(PairFilter):
    """Drops texts that are the name of a file, or what a camera calls a picture."""

    order = 20

    def drops(self, pair: Pair) -> bool:
        """By a pattern that the whole text must match."""
        return _FILE.fullmatch(pair.caption) is not None
