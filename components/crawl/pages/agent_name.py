"""Whether a text names our robot, read leniently: a name that might be ours is ours."""

import re
import unicodedata
from functools import lru_cache

# Names that stand for all robots.
EVERYONE = frozenset(
    ("*", "all", "any", "bot", "bots", "crawler", "crawlers", "everyone", "robot", "robots", "spider", "spiders")
)
_PLAIN = {"Cf": "", "Pd": "-"}  # by Unicode category
_LONGEST = 2000  # characters beyond which nothing is folded
_WORD = r"[a-z0-9_-]"


def plain(text: str) -> str:
    """Lower case, compatibility forms folded, hyphens ASCII, white space single, no format marks.

    Format marks are the byte order mark, zero-width spaces, soft hyphens and their like.
    """
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", text[:_LONGEST])
        text = "".join(_PLAIN.get(unicodedata.category(c), c) for c in folded) + text[_LONGEST:]
    return " ".join(text.lower().split())


def is_named(text: str, robot: str) -> bool:
    """Whether a plain text holds the product token `robot` (RFC 9309, section 2.2.1).

    `mofi-crawl/0.1`, `mofi-crawl*` and `Mozilla/5.0 (compatible; mofi-crawl)` name `mofi-crawl`.
    """
    return _token(robot).search(text) is not None


def is_perhaps_named(text: str, robot: str) -> bool:
    """Whether a plain text might mean `robot`: a beginning of its name, or a pattern.

    `mofi`, `mofi*`, `*crawl`, `mofi_crawl` and `mofi-crawl2` might mean `mofi-crawl`.
    """
    text, robot = text.replace("_", "-"), robot.replace("_", "-")
    return any(
        (word.startswith(robot) and not word[len(robot) : len(robot) + 1].isalpha())
        or robot.startswith(f"{word}-")
        or _is_pattern_of(word, robot)
        for word in _WORDS.findall(text)
    )


_WORDS = re.compile(r"[a-z0-9_*-]+")


@lru_cache(maxsize=16)
def _token(robot: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!{_WORD}){re.escape(robot)}(?!{_WORD})")


def _is_pattern_of(word: str, robot: str) -> bool:
    """Whether `*` in a word may stand for what it lacks of `robot`; not for all of it.

    Pieces are searched one after the other, so no pattern takes long.
    """
    if "*" not in word or not word.strip("*"):
        return False
    first, *others = word.split("*")
    if not robot.startswith(first):
        return False
    position = len(first)
    for piece in others:
        position = robot.find(piece, position)
        if position < 0:
            return False
        position += len(piece)
    return not others[-1] or robot.endswith(others[-1])
