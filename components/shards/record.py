"""`KEY.json` and `KEY.txt` as others write them → a record and a text."""

import re
from collections.abc import Mapping
from typing import Any

from components.storage.foreign.json_values import parse_json
from components.storage.foreign.texts import decode_text

# What was changed in reading a sample: a text that is not UTF-8, the first of several captions, a
# caption that is no text, half surrogates in it, a record that cannot be read, a text or record
# that is too long.
ENCODING, LIST, WRONG_TYPE, NO_RECORD = "encoding", "list", "wrong_type", "no_record"
CHARACTERS, OUT_OF_RANGE = "characters", "out_of_range"
_HALF_SURROGATES = re.compile("[\ud800-\udfff]+")


def read_record(data: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The object in `KEY.json`, and what was changed; an empty one if there is none to be read."""
    try:
        record, encoding = parse_json(data)
    except ValueError:
        return {}, (NO_RECORD,)
    if not isinstance(record, dict):
        return {}, (NO_RECORD,)
    return record, () if encoding == "utf-8" else (ENCODING,)


def read_caption(text: bytes | None, record: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """A sample's text, and what was changed in it.

    It is `KEY.txt`, or else `caption` in the record, of which the first counts if it is a list.
    Half surrogates, which no file can hold, are removed.
    """
    caption, changes = _read_caption(text, record)
    if caption.isascii() or not _HALF_SURROGATES.search(caption):
        return caption, changes
    return _HALF_SURROGATES.sub("", caption), (*changes, CHARACTERS)


def _read_caption(text: bytes | None, record: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if text is not None:
        caption, encoding = decode_text(text)
        return caption, () if encoding == "utf-8" else (ENCODING,)
    value = record.get("caption")
    changes: tuple[str, ...] = ()
    if isinstance(value, list):
        changes = (LIST,) if len(value) > 1 else ()
        value = next((one for one in value if one), None)
    if isinstance(value, str) or value is None or value is False:
        return value or "", changes
    if isinstance(value, (dict, list, bool)):
        return "", (*changes, WRONG_TYPE)
    return str(value), changes
