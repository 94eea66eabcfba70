"""Variants of a name in texts: plural, possessive, or two words written as one."""

from collections.abc import Iterator

POSSESSIVE = "'s"
# English has few plurals without a rule; "men" also ends "women" and "firemen".
_IRREGULAR = {
    "men": "man",
    "children": "child",
    "people": "person",
    "feet": "foot",
    "teeth": "tooth",
    "geese": "goose",
    "mice": "mouse",
    "oxen": "ox",
}
_MIN_PART = 3
# Longer names are not written as one word, and every split costs a look-up.
_MAX_SPLIT_LENGTH = 32


def singulars(name: str) -> list[str]:
    """Forms that the last word of a name may be the plural of, likeliest first.

    >>> singulars("cherry blossoms"), singulars("berries")
    (['cherry blossom'], ['berry', 'berrie'])
    >>> singulars("two firemen"), singulars("glass")
    (['two fireman'], [])
    """
    head, blank, last = name.rpartition(" ")
    if last in _IRREGULAR:
        return [head + blank + _IRREGULAR[last]]
    if last.endswith("men") and len(last) >= 5:
        return [name[:-2] + "an"]
    return _regular(name)


def _regular(name: str) -> list[str]:
    # "crab s" has a detached possessive, not a plural.
    if not name.endswith("s") or name.endswith(("ss", "us", "is", " s")) or len(name) < 4:
        return []
    forms = [name[:-1]]
    if name.endswith("ies"):
        forms.insert(0, name[:-3] + "y")
    elif name.endswith(("ches", "shes", "xes", "sses", "zes", "oes")):
        forms.insert(0, name[:-2])
    elif name.endswith("ves"):
        forms = [name[:-3] + "f", name[:-3] + "fe", *forms]
    return forms


def splits(word: str) -> Iterator[str]:
    """All splits of a word in two: `crescentmoon` → …, `crescent moon`, …; none if very long."""
    if len(word) <= _MAX_SPLIT_LENGTH:
        for position in range(_MIN_PART, len(word) - _MIN_PART + 1):
            yield f"{word[:position]} {word[position:]}"
