"""Reads a Wikidata JSON dump, one item a line, in bounded memory."""

import bz2
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import orjson
import zstandard

from components.errors import InputError
from components.knowledge.parameters import KnowledgeParameters

# Below this many lines a share of bad ones says nothing.
_FEW = 100
_ITEM = re.compile(r"Q[1-9][0-9]{0,17}")
# Properties, lexemes, media: they stand in dumps too, and are no mistake.
_OTHER = re.compile(r"[PLME][1-9][0-9]*")


@dataclass(frozen=True)
class DumpItem:
    """What is kept of an item."""

    entity_id: str
    label: str
    description: str
    aliases: tuple[str, ...]
    instance_of: tuple[str, ...]
    subclass_of: tuple[str, ...]
    sitelinks: int
    image: str


def open_dump(path: Path) -> IO[bytes]:
    """Opens `.json`, `.json.bz2`, `.json.gz` or `.json.zst` for reading lines.

    Raises:
        InputError: if the file is missing or has another ending.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is missing; name a Wikidata JSON dump with --dump, or build the sample's with `mofi sample build`"
        )
    match path.suffix:
        case ".bz2":
            return bz2.open(path, "rb")
        case ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        case ".zst":
            # Dumps that were compressed in parallel consist of many frames.
            reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
            return io.BufferedReader(cast("io.RawIOBase", reader))
        case ".json":
            return path.open("rb")
    raise InputError(f"{path} ends in {path.suffix!r}; a dump ends in .json, .json.bz2, .json.gz or .json.zst")


def read_items(path: Path, parameters: KnowledgeParameters, counts: Counter[str]) -> Iterator[DumpItem]:
    """Yields the items worth keeping; everything else is counted by reason in `counts`.

    Whatever a line holds, it is counted: as `kept`, `no_label`, `excluded_class`, `no_item` (a property, a lexeme), or as bad:
    `invalid_json`, `no_entity` (JSON, but nothing of Wikidata).

    Raises:
        InputError: if the dump is truncated, or more lines are bad than `max_error_share` allows.
    """
    excluded = frozenset(parameters.exclude_classes)
    first = last = b""
    with open_dump(path) as stream:
        for line in _lines(stream, path):
            text = line.strip().rstrip(b",")
            first, last = first or text, text or last
            if text in (b"[", b"]", b""):
                continue
            counts["lines"] += 1
            item, reason = _parse(text, parameters.language, excluded)
            counts[reason] += 1
            if item is not None:
                yield item
            _stop_if_bad(path, counts, parameters.max_error_share)
    if first == b"[" and last != b"]":
        raise InputError(f"{path} begins with '[' but does not end with ']'; fetch it again, it is truncated")


def _lines(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from stream
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        raise InputError(
            f"{path} cannot be read to its end ({error}); fetch it again, it is probably truncated"
        ) from error


def _stop_if_bad(path: Path, counts: Counter[str], max_error_share: float) -> None:
    bad = counts["invalid_json"] + counts["no_entity"]
    if counts["lines"] >= _FEW and bad > max_error_share * counts["lines"]:
        raise InputError(
            f"{path}: {bad} of {counts['lines']} lines are nothing of Wikidata, more than knowledge.max_error_share = "
            f"{max_error_share} allows; is it a Wikidata JSON dump?"
        )


def _parse(text: bytes, language: str, excluded: frozenset[str]) -> tuple[DumpItem | None, str]:
    """One line → the item, or why it is dropped."""
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, "invalid_json"
    entity_id = _text(_mapping(item).get("id"))
    if not _ITEM.fullmatch(entity_id):
        return None, "no_item" if _OTHER.fullmatch(entity_id) else "no_entity"
    label = _value(item, "labels", language)
    if not label:
        return None, "no_label"
    claims = _mapping(item.get("claims"))
    instance_of = _targets(claims, "P31")
    if not excluded.isdisjoint(instance_of):
        return None, "excluded_class"
    aliases = (_text(_mapping(a).get("value")) for a in _sequence(_mapping(item.get("aliases")).get(language)))
    kept = DumpItem(
        entity_id=entity_id,
        label=label,
        description=_value(item, "descriptions", language),
        aliases=tuple(dict.fromkeys(filter(None, aliases))),
        instance_of=instance_of,
        subclass_of=_targets(claims, "P279"),
        sitelinks=len(_mapping(item.get("sitelinks"))),
        image=next((v for v in _values(claims, "P18") if isinstance(v, str)), ""),
    )
    return kept, "kept"


# A dump writes an empty mapping as an empty list, and may hold anything else by mistake.


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
    ids = (_text(_mapping(value).get("id")) for value in _values(claims, name))
    return tuple(dict.fromkeys(q for q in ids if _ITEM.fullmatch(q)))
