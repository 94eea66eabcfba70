"""A typical script from dump to table: bz2 and json, one process.

Standalone: `python dump_json.py DUMP TABLE`. It prints the seconds; the table is an Arrow file.
"""

import bz2
import json
import sys
import time
from typing import Any

import pyarrow as pa

EXCLUDED = {
    "Q4167410",
    "Q4167836",
    "Q11266439",
    "Q13406463",
    "Q13442814",
    "Q202444",
    "Q101352",
}  # as in params.yaml
COLUMNS = ["entity_id", "label", "description", "aliases", "instance_of", "subclass_of", "sitelinks", "image", "title"]


def table(path: str) -> pa.Table:
    """The table of the items."""
    kept: dict[str, list[Any]] = {name: [] for name in COLUMNS}
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
                kept["entity_id"].append(item["id"])
                kept["label"].append(label)
                kept["description"].append(value(item, "descriptions"))
                kept["aliases"].append(list(dict.fromkeys(aliases)))
                kept["instance_of"].append(classes)
                kept["subclass_of"].append(targets(item, "P279"))
                kept["sitelinks"].append(len(mapping(item, "sitelinks")))
                kept["image"].append(images[0] if images else "")
                kept["title"].append(mapping(item, "sitelinks").get("enwiki", {}).get("title", ""))
    return pa.table(kept)


def mapping(item: dict[str, Any], part: str) -> dict[str, Any]:
    """A mapping; empty ones are lists in a dump."""
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
    """The items that a property refers to."""
    return list(dict.fromkeys(target["id"] for target in values(item, name)))


if __name__ == "__main__":
    start = time.perf_counter()
    found = table(sys.argv[1])
    with pa.OSFile(sys.argv[2], "wb") as file, pa.ipc.new_file(file, found.schema) as writer:
        writer.write_table(found)
    print(json.dumps({"seconds": time.perf_counter() - start}))
