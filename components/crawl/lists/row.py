"""What all formats of lists yield."""

from typing import Any

from components.crawl.unreadable import Unreadable

# URL and text of a row, of any type, or why it cannot be read.
Row = tuple[Any, Any] | Unreadable
# The longest line or row, bytes.
MAX_ROW = 1 << 22
