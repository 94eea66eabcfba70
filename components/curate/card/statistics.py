"""The figures of a data set: what `stats.json` holds, and all that the data card says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.curate.card.figures import Figures, quantiles
from components.curate.entities import Facts, read_labels
from components.curate.format import SPLITS, VALIDATION
from components.curate.parameters import CurateParameters
from components.curate.vocabulary import Vocabulary
from components.knowledge.qid import qid_of

FREQUENT, TYPES, SITES = 20, 20, 20


@dataclass(frozen=True)
class Counts:
    """Pictures and entities from the crawl to the data set.

    `pictures` and `shards` are by split, `dropped_*` by reason.
    """

    crawled: int
    labelled: int
    named: int
    pictures: Mapping[str, int]
    shards: Mapping[str, int]
    dropped_pictures: Mapping[str, int]
    dropped_entities: Mapping[str, int]

    @property
    def kept(self) -> int:
        """Pictures of the data set."""
        return sum(self.pictures.values())


def measures(counts: Counts, vocabulary: Vocabulary, figures: Figures) -> dict[str, Any]:
    """What `metrics/curate.json` holds."""
    held = int(vocabulary.validation.sum())
    entities = {VALIDATION: held}
    return {
        "crawled": counts.crawled,
        "labelled": counts.labelled,
        "pictures": counts.kept,
        "entities": len(vocabulary),
        **{
            split: {
                "pictures": counts.pictures[split],
                "entities": entities.get(split, len(vocabulary) - held),
                "shards": counts.shards[split],
            }
            for split in SPLITS
        },
        "dropped": {"pictures": dict(counts.dropped_pictures), "entities": dict(counts.dropped_entities)},
        "images_per_entity": quantiles(Counter(vocabulary.images.tolist())),
        "ambiguous_share": _ambiguity(figures)["ambiguous_share"],
    }


def statistics(
    counts: Counts,
    vocabulary: Vocabulary,
    facts: Sequence[Facts],
    figures: Figures,
    knowledge: Path,
    parameters: CurateParameters,
    sources: Mapping[str, str],
    filter_has_say: bool | None,
) -> dict[str, Any]:
    """The content of `stats.json`.

    `facts` are in the vocabulary's order; `filter_has_say` is whether CLIP judged the labels,
    None if that is not on record.
    """
    names = {qid_of(number): fact.label for number, fact in zip(vocabulary.ids.tolist(), facts, strict=True)}
    examples = [e | {"labels": [names[entity] for entity in e["entities"]]} for e in figures.examples]
    return measures(counts, vocabulary, figures) | {
        "parameters": parameters.model_dump(),
        "sources": dict(sources),
        "entities_named": counts.named,
        "image_filter": {"has_say": filter_has_say},
        "images_histogram": _histogram(vocabulary),
        "top_tenth_share": _top_tenth_share(vocabulary),
        "entity_types": _types(vocabulary, facts, knowledge),
        "frequent_entities": _frequent(vocabulary, facts),
        "ambiguity": _ambiguity(figures),
        "entities_per_picture": {str(n): count for n, count in sorted(figures.entities.items())},
        "caption_length": quantiles(figures.caption_lengths),
        "formats": dict(sorted(figures.formats.items(), key=lambda item: (-item[1], item[0]))),
        "short_side": quantiles(figures.short_sides),
        "bytes_up_to": {str(size): count for size, count in sorted(figures.sizes.items())},
        "sites": len(figures.sites),
        "largest_sites": _largest(figures.sites),
        "examples": examples,
    }


def _histogram(vocabulary: Vocabulary) -> list[dict[str, int]]:
    """Entities by their number of pictures, from one power of two to the next."""
    least = int(vocabulary.images.min())
    counts = Counter(count.bit_length() - 1 for count in vocabulary.images.tolist())
    return [
        {"from": max(least, 2**power), "to": 2 ** (power + 1) - 1, "entities": counts[power]}
        for power in range(min(counts), max(counts) + 1)
    ]


def _top_tenth_share(vocabulary: Vocabulary) -> float:
    """Share of all labels that the most frequent tenth of the entities has."""
    images: list[int] = sorted(vocabulary.images.tolist(), reverse=True)
    return round(sum(images[: max(1, len(images) // 10)]) / sum(images), 4)


def _frequent(vocabulary: Vocabulary, facts: Sequence[Facts]) -> list[dict[str, Any]]:
    order = sorted(range(len(vocabulary)), key=lambda n: (-int(vocabulary.images[n]), n))[:FREQUENT]
    return [
        {
            "entity_id": qid_of(int(vocabulary.ids[n])),
            "label": facts[n].label,
            "description": facts[n].description,
            "images": int(vocabulary.images[n]),
        }
        for n in order
    ]


def _types(vocabulary: Vocabulary, facts: Sequence[Facts], knowledge: Path) -> list[dict[str, Any]]:
    """The classes with most entities; the one without a Q-id has those of no known class."""
    entities: Counter[str] = Counter()
    images: Counter[str] = Counter()
    for fact, count in zip(facts, vocabulary.images.tolist(), strict=True):
        for name in dict.fromkeys(fact.classes or ("",)):
            entities[name] += 1
            images[name] += count
    largest = sorted(entities, key=lambda name: (-entities[name], -images[name], name))[:TYPES]
    labels = read_labels(knowledge, [name for name in largest if name])
    return [{"class": n, "label": labels.get(n, ""), "entities": entities[n], "images": images[n]} for n in largest]


def _ambiguity(figures: Figures) -> dict[str, Any]:
    """Of the pictures whose linking is on record: those whose mention had several candidates."""
    known = figures.candidates.total() - figures.candidates[0]
    ambiguous = sum(count for candidates, count in figures.candidates.items() if candidates > 1)
    share = round(ambiguous / known, 4) if known else None
    return {
        "pictures": known,
        "ambiguous": ambiguous,
        "ambiguous_share": share,
        "overruled_by_picture": figures.overruled,
        "candidates": quantiles(Counter({n: count for n, count in figures.candidates.items() if n})),
    }


def _largest(sites: Counter[str]) -> list[dict[str, Any]]:
    order = sorted(sites, key=lambda site: (-sites[site], site))[:SITES]
    total = sites.total()
    return [{"site": site, "pictures": sites[site], "share": round(sites[site] / total, 4)} for site in order]
