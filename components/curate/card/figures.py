"""What is counted about the pictures of a shard for the data card; counts of shards add up."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.storage.json_files import read_json, write_json

EXAMPLES = 12


@dataclass
class Figures:
    """Pictures by what they are; `examples` are a few pictures of different entities."""

    formats: Counter[str] = field(default_factory=Counter)
    sites: Counter[str] = field(default_factory=Counter)
    short_sides: Counter[int] = field(default_factory=Counter)  # px
    sizes: Counter[int] = field(default_factory=Counter)  # bytes, up to the next power of two
    caption_lengths: Counter[int] = field(default_factory=Counter)  # characters
    entities: Counter[int] = field(default_factory=Counter)  # of a picture
    candidates: Counter[int] = field(default_factory=Counter)  # of the mention that gave the best entity; 0 = unknown
    overruled: int = 0  # pictures that overruled what the text says about that mention
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, record: dict[str, Any], size: int, extension: str, candidates: int, overruled: bool) -> None:
        """Counts one picture by its record in the new shard."""
        self.formats[extension] += 1
        self.sites[record["site"] or "unknown"] += 1
        if record["width"] and record["height"]:
            self.short_sides[min(record["width"], record["height"])] += 1
        self.sizes[1 << max(0, size - 1).bit_length()] += 1
        self.caption_lengths[len(record["caption"] or "")] += 1
        self.entities[len(record["entities"])] += 1
        self.candidates[candidates] += 1
        self.overruled += overruled
        self._add_examples([{name: record[name] for name in ("key", "caption", "page_title", "site", "entities")}])

    def write(self, path: Path) -> None:
        """As JSON."""
        write_json(path, vars(self))

    @classmethod
    def sum(cls, paths: Iterable[Path]) -> "Figures":
        """Of several shards together; the examples are the first that come."""
        total = cls()
        for path in paths:
            content = read_json(path)
            for name, counter in vars(total).items():
                if isinstance(counter, Counter):
                    counter.update({_key(name, key): count for key, count in content[name].items()})
            total.overruled += content["overruled"]
            total._add_examples(content["examples"])
        return total

    def _add_examples(self, examples: list[dict[str, Any]]) -> None:
        shown = {example["entities"][0] for example in self.examples}
        for example in examples:
            if len(self.examples) < EXAMPLES and example["entities"][0] not in shown:
                self.examples.append(example)
                shown.add(example["entities"][0])


def _key(name: str, key: str) -> str | int:
    return key if name in ("formats", "sites") else int(key)


def quantiles(counts: Counter[int]) -> dict[str, float]:
    """Least, 10 %, 25 %, 50 %, 75 %, 90 % (nearest rank), largest, and mean of what was counted."""
    total = counts.total()
    if not total:
        return {}
    ordered = sorted(counts.items())
    percents = {"min": 0, "p10": 10, "p25": 25, "median": 50, "p75": 75, "p90": 90, "max": 100}
    found: dict[str, float] = {
        n: _nearest(ordered, max(1, -(-percent * total // 100))) for n, percent in percents.items()
    }
    return found | {"mean": round(sum(value * count for value, count in ordered) / total, 2)}


def _nearest(ordered: list[tuple[int, int]], rank: int) -> int:
    """The value of this rank, from 1."""
    seen = 0
    for value, count in ordered:
        seen += count
        if seen >= rank:
            return value
    return ordered[-1][0]
