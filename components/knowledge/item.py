"""One line of a Wikidata JSON dump → what is kept of its item, or why nothing is.

A typed decoder reads the lines that are built as they should, and only the parts that are kept: three times as quick as reading
all of a line. Whatever it refuses is read again as any JSON.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson

from components.knowledge.entity import Entity

_ITEM = re.compile(r"Q[1-9][0-9]{0,17}")
# Properties, lexemes, media: they stand in dumps too, and are no mistake.
_OTHER = re.compile(r"[PLME][1-9][0-9]*")
NO_ITEM, NO_ENTITY, NO_LABEL, EXCLUDED, INVALID = "no_item", "no_entity", "no_label", "excluded_class", "invalid_json"


class ItemReader:
    """Reads items in one language, but for instances of excluded classes."""

    def __init__(self, language: str, excluded: Sequence[str]) -> None:
        self._language = language
        self._excluded = frozenset(excluded)
        self._decoder = _decoder(language)

    def read(self, line: bytes) -> Entity | str:
        """The item of a line without the comma at its end, or why it is dropped."""
        try:
            found = self._decoder.decode(line)
        except msgspec.ValidationError:
            return self._kept(_read_any(line, self._language))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return INVALID
        return self._kept(_taken(found))

    def _kept(self, item: Entity | str) -> Entity | str:
        if isinstance(item, str):
            return item
        if not _ITEM.fullmatch(item.entity_id):
            return NO_ITEM if _OTHER.fullmatch(item.entity_id) else NO_ENTITY
        if not item.label:
            return NO_LABEL
        return item if self._excluded.isdisjoint(item.instance_of) else EXCLUDED


# As it should be


def _decoder(language: str) -> msgspec.json.Decoder[Any]:
    """Of the parts that are kept, in one language. An empty mapping stands in a dump as an empty list."""
    define = msgspec.defstruct
    text = define("Text", [("value", str, "")], gc=False)
    target = define("Target", [("id", str, "")], gc=False)
    one = define("One", [("value", text | None, None)], rename={"value": language})
    many = define("Many", [("values", list[text], [])], rename={"values": language})  # type: ignore[valid-type]
    items, files = list[_statement(target)], list[_statement(str)]  # type: ignore[misc]
    claims = define("Claims", [("P31", items, []), ("P279", items, []), ("P18", files, [])])
    nothing = list[msgspec.Raw]
    parts: list[tuple[str, Any, Any]] = [
        ("labels", one | nothing, []),
        ("descriptions", one | nothing, []),
        ("aliases", many | nothing, []),
        ("claims", claims | nothing, []),
        ("sitelinks", dict[str, msgspec.Raw] | nothing, []),
    ]
    return msgspec.json.Decoder(define("Item", [("id", str, ""), *parts]))


def _statement(value: Any) -> Any:
    """A statement whose value is of a kind; those of an unknown or of no value have none."""
    data = msgspec.defstruct("Data", [("value", value)], gc=False)
    snak = msgspec.defstruct("Snak", [("datavalue", data | None, None)], gc=False)
    return msgspec.defstruct("Statement", [("mainsnak", snak), ("rank", str, "")], gc=False)


def _taken(item: Any) -> Entity:
    claims = item.claims
    absent = isinstance(claims, list)
    return Entity(
        item.id,
        _text_of(item.labels),
        _text_of(item.descriptions),
        () if isinstance(item.aliases, list) else _different(text.value for text in item.aliases.values),
        () if absent else _targets_of(claims.P31),
        () if absent else _targets_of(claims.P279),
        len(item.sitelinks) if isinstance(item.sitelinks, dict) else 0,
        "" if absent else next(_values_of(claims.P18), ""),
    )


def _text_of(texts: Any) -> str:
    return "" if isinstance(texts, list) or texts.value is None else texts.value.value


def _targets_of(statements: list[Any]) -> tuple[str, ...]:
    return _items(target.id for target in _values_of(statements)) if statements else ()


def _values_of(statements: list[Any]) -> Iterator[Any]:
    for statement in statements:
        data = statement.mainsnak.datavalue
        if data is not None and statement.rank != "deprecated":
            yield data.value


def _items(ids: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(q for q in ids if _ITEM.fullmatch(q)))


def _different(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))


# As it may be: anything, by mistake


def _read_any(line: bytes, language: str) -> Entity | str:
    try:
        item = _mapping(orjson.loads(line))
    except orjson.JSONDecodeError:
        return INVALID
    claims = _mapping(item.get("claims"))
    aliases = (_text(_mapping(a).get("value")) for a in _sequence(_mapping(item.get("aliases")).get(language)))
    return Entity(
        _text(item.get("id")),
        _value(item, "labels", language),
        _value(item, "descriptions", language),
        _different(aliases),
        _targets(claims, "P31"),
        _targets(claims, "P279"),
        len(_mapping(item.get("sitelinks"))),
        next((v for v in _values(claims, "P18") if isinstance(v, str)), ""),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _value(item: dict[str, Any], field: str, language: str) -> str:
    return _text(_mapping(_mapping(item.get(field)).get(language)).get("value"))


def _values(claims: dict[str, Any], name: str) -> Iterator[Any]:
    """The values of a property; statements that Wikidata deprecates, and those of an unknown or of no value, have none."""
    for statement in map(_mapping, _sequence(claims.get(name))):
        if statement.get("rank") != "deprecated":
            yield _mapping(_mapping(statement.get("mainsnak")).get("datavalue")).get("value")


def _targets(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    return _items(_text(_mapping(value).get("id")) for value in _values(claims, name))
