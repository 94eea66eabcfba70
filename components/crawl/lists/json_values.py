"""JSON values → rows: objects, arrays, and rows within other values, as programs nest them."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from components.crawl.lists.columns import Columns, Wanted, columns_without_names, find_columns, plain_name
from components.crawl.lists.row import Row
from components.crawl.unreadable import Unreadable

_MOST_COLUMNS = 1000
# How deep rows may lie in other values, and how many values of an array tell whether it has any.
_DEEPEST, _TRIED = 4, 20
# Names of what holds rows, or a row, without case and punctuation.
_WRAPPERS = frozenset(
    """data items images rows row results result response records record entries photos pictures media hits
    edges nodes node documents docs features properties attributes fields examples samples values content
    posts feed list item image picture photo img source train val validation test""".split()  # noqa: SIM905 - readable
)
_SHOWN = 8
NO_OBJECT = "not an object"


class JsonValues:
    """Finds rows in values, most of which have the same columns as the one before."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._names: list[str] = []
        self._columns: Columns | str = "no columns"
        self._known = False

    def rows(self, value: Any, number: int, unit: str, depth: int = 0) -> Iterator[Row]:
        """The rows of a value, and what has none.

        A row is an object, in which one level of objects counts as columns (`image.url`), or an
        array. Rows are also found in an object's arrays (`{"data": [row, …]}`) and objects, and as
        pandas writes them: `{"url": {"0": …}}`, `{"columns": […], "data": […]}`.

        Args:
            value: as parsed.
            number: its position in the list.
            unit: of `number`.
            depth: of values around it.
        """
        row = self._row(value)
        if not isinstance(row, str):
            yield row
            return
        found = False
        for group in _groups(value) if depth < _DEEPEST else ():
            for values in group:
                if any(self._has_row(one, depth + 1) for one in values[:_TRIED]):
                    found = True
                    for one in values:
                        yield from self.rows(one, number, unit, depth + 1)
            if found:
                return
        yield Unreadable(number, row, unit)

    def _has_row(self, value: Any, depth: int) -> bool:
        return any(not isinstance(row, Unreadable) for row in islice(self.rows(value, 0, "", depth), 1))

    def _row(self, value: Any) -> tuple[Any, Any] | str:
        """URL and text, or what is missing."""
        if isinstance(value, list):
            found = columns_without_names(value, self._wanted)
            return NO_OBJECT if found is None else (value[found.url], value[found.text])
        if not isinstance(value, dict):
            return NO_OBJECT
        names = list(value)
        if not self._known or names != self._names:
            self._names = names
            self._columns = find_columns(names[:_MOST_COLUMNS], self._wanted, lambda n: _can_be_text(value[names[n]]))
            # A row of other values may have its texts elsewhere.
            self._known = isinstance(self._columns, Columns) or all(map(_can_be_text, value.values()))
        if isinstance(self._columns, str):
            return self._columns if self._known else self._nested(value)
        values = list(value.values())
        url, text = values[self._columns.url], values[self._columns.text]
        # The row before may have had the same names and other values.
        return self._nested(value) if type(url) is dict or type(text) is dict else (url, text)

    def _nested(self, row: dict[str, Any]) -> tuple[Any, Any] | str:
        flat = dict(islice(_flat(row), _MOST_COLUMNS))
        names = list(flat)
        columns = find_columns(names, self._wanted, lambda n: _can_be_text(flat[names[n]]))
        return columns if isinstance(columns, str) else (flat[names[columns.url]], flat[names[columns.text]])


def described(value: Any) -> str:
    """What a JSON value holds, as a message says it."""
    if not isinstance(value, dict):
        return _kind(value)
    some = ", ".join(f"{name[:40]!r} ({_kind(inner)})" for name, inner in islice(value.items(), _SHOWN))
    return f"{some}, …" if len(value) > _SHOWN else some or "nothing"


def _kind(value: Any) -> str:
    if isinstance(value, list):
        first = f", the first {_kind(value[0])}" if value else ""
        return f"{len(value)} values{first}"
    if isinstance(value, dict):
        return "an object with " + (", ".join(repr(name[:40]) for name in islice(value, _SHOWN)) or "nothing")
    return {str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")


def _can_be_text(value: Any) -> bool:
    return not isinstance(value[0] if isinstance(value, list) and value else value, dict)


def _flat(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value


def _groups(value: Any) -> Iterator[list[Sequence[Any]]]:
    """What rows may be found in, the likeliest first."""
    if not isinstance(value, dict):
        return
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(name, str) for name in columns):
        yield [[dict(zip(columns, row, strict=False)) for row in data if isinstance(row, list)]]
    objects = [one for one in value.values() if isinstance(one, dict)]
    if objects and len(objects) == len(value):
        keys = objects[0].keys()
        if len(value) < _MOST_COLUMNS and all(one.keys() == keys for one in objects):
            yield [[{name: one[key] for name, one in value.items()} for key in keys]]
        yield [objects]
    named = [one for name, one in value.items() if plain_name(name) in _WRAPPERS]
    yield [[one] if isinstance(one, dict) else one for one in named if isinstance(one, dict) or _has_values(one)]
    yield [one for one in value.values() if _has_values(one)]


def _has_values(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value[:_TRIED])
