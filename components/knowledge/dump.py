"""Reads a Wikidata JSON dump, one item a line, in bounded memory."""

import bz2
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
import zstandard

from components.errors import InputError
from components.knowledge.parameters import KnowledgeParameters

_FEW = 100


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
            return gzip.open(path, "rb")  # type: ignore[return-value]
        case ".zst":
            return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(path.open("rb"), closefd=True))  # type: ignore[arg-type]
        case ".json":
            return path.open("rb")
    raise InputError(f"{path} ends in {path.suffix!r}; a dump ends in .json, .json.bz2, .json.gz or .json.zst")


def read_items(path: Path, parameters: KnowledgeParameters, counts: Counter[str]) -> Iterator[DumpItem]:
    """Yields the items worth keeping; everything else is counted by reason in `counts`.

    Raises:
        InputError: if the dump is truncated, or more lines are bad than `max_error_share` allows.
    """
    excluded = frozenset(parameters.exclude_classes)
    with open_dump(path) as stream:
        for line in _lines(stream, path):
            text = line.strip().rstrip(b",")
            if text in (b"[", b"]", b""):
                continue
            counts["lines"] += 1
            item, reason = _parse(text, parameters.language, excluded)
            counts[reason] += 1
            if item is not None:
                yield item
            _stop_if_bad(path, counts, parameters.max_error_share)


def _lines(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from stream
    except (EOFError, OSError, zstandard.ZstdError) as error:
        raise InputError(
            f"{path} cannot be read to its end ({error}); fetch it again, it is probably truncated"
        ) from error


def _stop_if_bad(path: Path, counts: Counter[str], max_error_share: float) -> None:
    bad = counts["invalid_json"] + counts["not_an_item"]
    if counts["lines"] >= _FEW and bad > max_error_share * counts["lines"]:
        raise InputError(
            f"{path}: {bad} of {counts['lines']} lines are no Wikidata item, more than knowledge.max_error_share = "
            f"{max_error_share} allows; is it a Wikidata JSON dump?"
        )


def _parse(text: bytes, language: str, excluded: frozenset[str]) -> tuple[DumpItem | None, str]:
    """One line → the item, or why it is dropped."""
    try:
        item = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, "invalid_json"
    if not isinstance(item, dict) or not _is_item_id(item.get("id")):
        return None, "not_an_item"
    label = _value(item, "labels", language)
    if not label:
        return None, "no_label"
    claims = item.get("claims") or {}
    instance_of = _targets(claims, "P31")
    if not excluded.isdisjoint(instance_of):
        return None, "excluded_class"
    aliases = (item.get("aliases") or {}).get(language) or ()
    kept = DumpItem(
        entity_id=item["id"],
        label=label,
        description=_value(item, "descriptions", language),
        aliases=tuple(dict.fromkeys(a["value"] for a in aliases if a.get("value"))),
        instance_of=instance_of,
        subclass_of=_targets(claims, "P279"),
        sitelinks=len(item.get("sitelinks") or ()),
        image=_image(claims),
    )
    return kept, "kept"


def _is_item_id(value: Any) -> bool:
    return isinstance(value, str) and value[:1] == "Q" and value[1:].isdecimal()


def _value(item: dict[str, Any], field: str, language: str) -> str:
    entry = (item.get(field) or {}).get(language) or {}
    return str(entry.get("value", ""))


def _targets(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    found = []
    for statement in claims.get(name, ()):
        value = statement.get("mainsnak", {}).get("datavalue", {}).get("value", {})
        if isinstance(value, dict) and _is_item_id(value.get("id")):
            found.append(value["id"])
    return tuple(dict.fromkeys(found))


def _image(claims: dict[str, Any]) -> str:
    for statement in claims.get("P18", ()):
        value = statement.get("mainsnak", {}).get("datavalue", {}).get("value")
        if isinstance(value, str):
            return value
    return ""
