"""Q-ids, Wikidata's names of items such as Q42, and their numbers, which fit into 64 bits."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PATTERN = r"Q[1-9][0-9]{0,17}"
_QID = re.compile(PATTERN)
# As Wikidata's pages, its query service and Turtle files write it.
_SHORT = re.compile(rf"(?:wd:)?({PATTERN})", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(
    r"<?(?:https?:)?//(?:www\.|m\.)?wikidata\.org/(?:entity|wiki)/(?:Special:Entity(?:Page|Data)/)?"
    rf"({PATTERN})(?:\.[a-z]+|/)?(?:[?#][^<>]*)?>?",
    re.IGNORECASE | re.ASCII,
)


def is_qid(text: str) -> bool:
    """Whether a text is a Q-id, and nothing else."""
    return _QID.fullmatch(text) is not None


def parse_qid(text: str) -> str | None:
    """The Q-id that a text stands for, in any of the forms that people publish; None for others.

    `q42`, `wd:Q42`, `http://www.wikidata.org/entity/Q42`, `https://www.wikidata.org/wiki/Q42#P31`.
    """
    found = _SHORT.fullmatch(text.strip()) or _ADDRESS.fullmatch(text.strip())
    return found[1].upper() if found else None


def qid_of(number: int) -> str:
    """`Q42` for 42."""
    return f"Q{number}"


def number_of(qid: str) -> int:
    """42 for `Q42`.

    Raises:
        ValueError: if it is no Q-id.
    """
    if not is_qid(qid):
        raise ValueError(f"{qid!r} is no Q-id; one is Q42")
    return int(qid[1:])


def numbers_of(qids: Any) -> npt.NDArray[np.int64]:
    """The numbers of an Arrow array of strings: int64 [n], 0 for null and for what is no Q-id."""
    valid = pc.fill_null(pc.match_substring_regex(qids, f"^{PATTERN}$"), False)
    digits = pc.if_else(valid, pc.utf8_slice_codeunits(qids, 1), "0")
    return np.asarray(pc.cast(digits, pa.int64()), dtype=np.int64)
