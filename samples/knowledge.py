"""The sample knowledge base: a dump in Wikidata's JSON format with real items.

The sources are the brands and places of name-suggestion-index (with Wikidata's labels and
descriptions), the territories of country-coder, and our tables of facts. Items in several sources
are merged, with precedence for our facts, then territories, then brands.
"""

import bz2
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.knowledge.qid import is_qid, number_of
from samples.concepts import read_json, territory_code
from samples.facts import read_facts

COUNTRY, TERRITORY = "Q6256", "Q15642541"


@dataclass(frozen=True)
class Item:
    """The fields of an item in the sample."""

    qid: str
    label: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    instance_of: tuple[str, ...] = ()
    subclass_of: tuple[str, ...] = ()


def write_dump(path: Path, modules: Path) -> int:
    """Writes the dump (bzip2, items by numeric Q-id); returns the number of items."""
    merged: dict[str, Item] = {}
    for item in (*_facts(), *_territories(modules), *_brands(modules)):
        merged[item.qid] = _merge(merged[item.qid], item) if item.qid in merged else item
    items = sorted(merged.values(), key=lambda item: number_of(item.qid))
    lines = ",\n".join(json.dumps(as_dump(item), ensure_ascii=False, separators=(",", ":")) for item in items)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bz2.compress(f"[\n{lines}\n]\n".encode()))
    return len(items)


def _merge(first: Item, second: Item) -> Item:
    names = dict.fromkeys((*first.aliases, second.label, *second.aliases))
    return Item(
        first.qid,
        first.label,
        first.description or second.description,
        tuple(name for name in names if name != first.label),
        first.instance_of or second.instance_of,
        first.subclass_of or second.subclass_of,
    )


def _facts() -> Iterable[Item]:
    for fact in read_facts():
        parents = (fact.parent_qid,) if fact.parent_qid else ()
        # A depicted kind of thing is a subclass of its parent; a brand or territory is an instance
        # of it.
        single = any(key.startswith(("brand:", "flag:")) for key in fact.depicts)
        yield Item(
            fact.qid,
            fact.label,
            fact.description,
            fact.aliases,
            instance_of=parents if single else (),
            subclass_of=() if single else parents,
        )


def _usual_names(modules: Path) -> dict[str, str]:
    """Territory code → CLDR's English name, which often differs from the official one."""
    emoji = read_json(modules, "emojibase-data/en/data.json")
    names = {territory_code(e["hexcode"]): e["label"].removeprefix("flag: ") for e in emoji}
    return {code: name for code, name in names.items() if code}


def _territories(modules: Path) -> Iterable[Item]:
    usual = _usual_names(modules)
    for place in _borders(modules):
        if "nameEn" not in place or not is_qid(str(place.get("wikidata", ""))):
            continue
        codes = [place[key] for key in ("iso1A2", "iso1A3") if key in place]
        common = [usual[code] for code in (place.get("iso1A2"), *place.get("aliases", ())) if code in usual]
        names = (*common, f"flag of {place['nameEn']}", *codes, *place.get("aliases", ()))
        names = tuple(name for name in names if name != place["nameEn"])
        country = place.get("country")
        described = f"territory of {country}" if country else "country or territory of the world"
        kind = COUNTRY if "iso1A2" in place and not country else TERRITORY
        yield Item(place["wikidata"], place["nameEn"], described, tuple(dict.fromkeys(names)), instance_of=(kind,))


def _borders(modules: Path) -> list[dict[str, Any]]:
    features = read_json(modules, "@rapideditor/country-coder/src/data/borders.json")["features"]
    return [feature["properties"] for feature in features]


def territory_entities(modules: Path) -> dict[str, str]:
    """Concept key of a flag → Q-id of its territory: `flag:JP` → Japan's."""
    found: dict[str, str] = {}
    for place in _borders(modules):
        entity = str(place.get("wikidata", ""))
        if not is_qid(entity):
            continue
        for code in (place.get("iso1A2"), *place.get("aliases", ())):
            if code:
                found.setdefault(f"flag:{code}", entity)
    return found


def _brands(modules: Path) -> Iterable[Item]:
    items = read_json(modules, "name-suggestion-index/dist/wikidata/wikidata.json")["wikidata"]
    for qid, item in items.items():
        if item.get("label") and is_qid(qid):
            yield Item(qid, item["label"], item.get("description", ""))


def as_dump(item: Item) -> dict[str, Any]:
    """An item as a line of the dump."""
    return {
        "type": "item",
        "id": item.qid,
        "labels": {"en": _text(item.label)},
        "descriptions": {"en": _text(item.description)} if item.description else {},
        "aliases": {"en": [_text(alias) for alias in item.aliases]} if item.aliases else {},
        "claims": {
            name: [_claim(item.qid, name, number, value) for number, value in enumerate(values)]
            for name, values in (("P31", item.instance_of), ("P279", item.subclass_of))
            if values
        },
        "sitelinks": {},
    }


def _text(value: str) -> dict[str, str]:
    return {"language": "en", "value": value}


def _claim(qid: str, name: str, number: int, value: str) -> dict[str, Any]:
    target = {"entity-type": "item", "numeric-id": number_of(value), "id": value}
    snak = {
        "snaktype": "value",
        "property": name,
        "datavalue": {"value": target, "type": "wikibase-entityid"},
        "datatype": "wikibase-item",
    }
    return {"mainsnak": snak, "type": "statement", "id": f"{qid}$sample-{name}-{number}", "rank": "normal"}
