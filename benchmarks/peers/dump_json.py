"""A dump to a table as people write it: bz2 and json, one process. Runs alone: `python dump_json.py DUMP`.

Prints seconds, items and a digest of the table.
"""

import bz2
import hashlib
import json
import sys
import time
from typing import Any

EXCLUDED = {"Q4167410", "Q4167836", "Q11266439", "Q13406463"}  # as params.yaml has them


def rows(path: str) -> list[tuple[Any, ...]]:
    """What is kept of the items."""
    kept = []
    with bz2.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().rstrip(",")
            if text in ("[", "]", ""):
                continue
            item = json.loads(text)
            label = value(item, "labels")
            classes = targets(item, "P31")
            if label and EXCLUDED.isdisjoint(classes):
                aliases = [alias["value"] for alias in mapping(item, "aliases").get("en", [])]
                images = values(item, "P18")
                kept.append(
                    (
                        item["id"],
                        label,
                        value(item, "descriptions"),
                        list(dict.fromkeys(aliases)),
                        classes,
                        targets(item, "P279"),
                        len(mapping(item, "sitelinks")),
                        images[0] if images else "",
                    )
                )
    return kept


def mapping(item: dict[str, Any], part: str) -> dict[str, Any]:
    """A part; empty ones are lists in a dump."""
    return item.get(part) or {}


def value(item: dict[str, Any], part: str) -> str:
    """A label or a description."""
    return str(mapping(item, part).get("en", {}).get("value", ""))


def values(item: dict[str, Any], name: str) -> list[Any]:
    """The values of a property."""
    statements = mapping(item, "claims").get(name, [])
    return [
        statement["mainsnak"]["datavalue"]["value"]
        for statement in statements
        if statement["rank"] != "deprecated" and "datavalue" in statement["mainsnak"]
    ]


def targets(item: dict[str, Any], name: str) -> list[str]:
    """The items that a property names."""
    return list(dict.fromkeys(target["id"] for target in values(item, name)))


if __name__ == "__main__":
    start = time.perf_counter()
    found = rows(sys.argv[1])
    seconds = time.perf_counter() - start
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    print(json.dumps({"seconds": seconds, "items": len(found), "digest": digest}))
