"""One line of a Wikidata JSON dump → what is kept of its item, or why nothing is.

A typed decoder reads well-formed lines, and of these only the fields that are kept: three times as
fast as decoding everything. A line that it rejects is decoded again as generic JSON.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import orjson
from msgspec.structs import astuple

from components.knowledge.base.entity import Entity
from components.knowledge.qid import is_qid

# Properties, lexemes, media: legitimate entries of a dump that are not items.
_OTHER = re.compile(r"[PLME][1-9][0-9]*")
NO_ITEM, NO_ENTITY, NO_LABEL, EXCLUDED, INVALID = "no_item", "no_entity", "no_label", "excluded_class", "invalid_json"


class ItemReader:
    """Reads items in some languages, without instances of excluded classes.

    Label and description are those of the first language that has one; labels of the others are
    aliases.
    """

    def __init__(self, languages: Sequence[str], excluded: Sequence[str]) -> None:
        self._languages = tuple(languages)
        self._wikis = tuple(f"{language.replace('-', '_')}wiki" for language in languages)
        self._excluded = frozenset(excluded)
        self._decoder = _decoder(self._languages)

    def read(self, line: bytes) -> Entity | str:
        """The item of a line without the comma at its end, or why it is dropped."""
        try:
            found = _entity_of(self._decoder.decode(line), self._wikis)
        except msgspec.ValidationError:
            return self._filtered(_read_any(line, self._languages, self._wikis))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return INVALID
        return self._filtered(found)

    def _filtered(self, item: Entity | str) -> Entity | str:
        if isinstance(item, str):
            return item
        if not is_qid(item.entity_id):
            return NO_ITEM if _OTHER.fullmatch(item.entity_id) else NO_ENTITY
        if not item.label:
            return NO_LABEL
        return item if self._excluded.isdisjoint(item.instance_of) else EXCLUDED


# Well-formed lines


def _decoder(languages: Sequence[str]) -> msgspec.json.Decoder[Any]:
    """Decoder of the fields that are kept; dumps write an empty mapping as a list."""
    define = msgspec.defstruct
    text = define("Text", [("value", str, "")], gc=False)
    target = define("Target", [("id", str, "")], gc=False)
    names = {f"language{n}": language for n, language in enumerate(languages)}
    one = define("One", [(name, text | None, None) for name in names], rename=names)
    many = define("Many", [(name, list[text], []) for name in names], rename=names)  # type: ignore[valid-type]
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
    """Type of a statement with a value of this type; unknown values and no-values lack it."""
    data = msgspec.defstruct("Data", [("value", value)], gc=False)
    snak = msgspec.defstruct("Snak", [("datavalue", data | None, None)], gc=False)
    return msgspec.defstruct("Statement", [("mainsnak", snak), ("rank", str, "")], gc=False)


class _Site(msgspec.Struct):
    title: str = ""


_site = msgspec.json.Decoder(_Site)


def _entity_of(item: Any, wikis: Sequence[str]) -> Entity:
    claims = item.claims
    no_claims = isinstance(claims, list)
    labels = _texts_of(item.labels)
    label = next(filter(None, labels), "")
    aliases = [] if isinstance(item.aliases, list) else [a.value for many in astuple(item.aliases) for a in many]
    return Entity(
        item.id,
        label,
        next(filter(None, _texts_of(item.descriptions)), ""),
        _aliases(label, aliases, labels),
        () if no_claims else _targets_of(claims.P31),
        () if no_claims else _targets_of(claims.P279),
        len(item.sitelinks) if isinstance(item.sitelinks, dict) else 0,
        "" if no_claims else next(_values_of(claims.P18), ""),
        _title_of(item.sitelinks, wikis) if item.sitelinks else "",
    )


def _texts_of(texts: Any) -> list[str]:
    """By language, in order."""
    return [] if isinstance(texts, list) else [text.value if text is not None else "" for text in astuple(texts)]


def _title_of(sitelinks: Any, wikis: Sequence[str]) -> str:
    if isinstance(sitelinks, dict):
        for wiki in wikis:
            if wiki in sitelinks:
                return str(_site.decode(sitelinks[wiki]).title)
    return ""


def _targets_of(statements: list[Any]) -> tuple[str, ...]:
    return _items(target.id for target in _values_of(statements)) if statements else ()


def _values_of(statements: list[Any]) -> Iterator[Any]:
    for statement in statements:
        data = statement.mainsnak.datavalue
        if data is not None and statement.rank != "deprecated":
            yield data.value


def _items(ids: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(q for q in ids if is_qid(q)))


def _aliases(label: str, aliases: list[str], labels: list[str]) -> tuple[str, ...]:
    """Distinct aliases, then the labels of the other languages."""
    more = [other for other in labels if other != label]
    return tuple(dict.fromkeys(filter(None, aliases + more))) if aliases or more else ()


# Any other JSON


def _read_any(line: bytes, languages: Sequence[str], wikis: Sequence[str]) -> Entity | str:
    try:
        item = _mapping(orjson.loads(line))
    except orjson.JSONDecodeError:
        return INVALID
    claims = _mapping(item.get("claims"))
    labels = _values_by(item, "labels", languages)
    label = next(filter(None, labels), "")
    many = _mapping(item.get("aliases"))
    aliases = [_text(_mapping(a).get("value")) for language in languages for a in _sequence(many.get(language))]
    sites = _mapping(item.get("sitelinks"))
    return Entity(
        _text(item.get("id")),
        label,
        next(filter(None, _values_by(item, "descriptions", languages)), ""),
        _aliases(label, aliases, labels),
        _targets(claims, "P31"),
        _targets(claims, "P279"),
        len(sites),
        next((v for v in _values(claims, "P18") if isinstance(v, str)), ""),
        next((_text(_mapping(sites[wiki]).get("title")) for wiki in wikis if wiki in sites), ""),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _values_by(item: dict[str, Any], field: str, languages: Sequence[str]) -> list[str]:
    texts = _mapping(item.get(field))
    return [_text(_mapping(texts.get(language)).get("value")) for language in languages]


def _values(claims: dict[str, Any], name: str) -> Iterator[Any]:
    """The values of a property, without deprecated statements and those of unknown or no value."""
    for statement in map(_mapping, _sequence(claims.get(name))):
        if statement.get("rank") != "deprecated":
            yield _mapping(_mapping(statement.get("mainsnak")).get("datavalue")).get("value")


def _targets(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    return _items(_text(_mapping(value).get("id")) for value in _values(claims, name))
