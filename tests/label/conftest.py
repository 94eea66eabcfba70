"""A small knowledge base with ambiguous names, a crawl of painted squares, an untrained CLIP."""

import bz2
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.knowledge.base.fingerprint import read_fingerprint
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.build.build import build as build_knowledge
from components.knowledge.parameters import KnowledgeParameters
from components.label.crawl_statistics import write_made_from
from components.label.linking.entity_counts import ENTITY_COUNTS, EntityCounts
from components.label.linking.page_profiles import PAGES, merge_sums
from components.label.parameters import LabelParameters
from components.label.text.common_words import CASES, CaseCounts, write_cases
from components.label.text.mentions import MentionFinder
from components.label.text.ner import load_ner
from components.label.text.word_counts import WORDS, WordCounts, write_counts
from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from components.storage.s3 import Prefix
from samples.knowledge import Item, as_dump
from tests.curate.conftest import painted
from tests.registry.conftest import make_model

ITEMS = [
    Item("Q1", "turkey", "large farm bird, an animal with feathers", ("gobbler",)),
    Item("Q2", "Turkey", "country of the world in Asia and Europe", ("TR",)),
    Item("Q3", "crab", "sea animal with claws"),
    Item("Q4", "dolphin", "clever sea animal"),
    Item("Q5", "Japan", "country of the world in Asia"),
    Item("Q6", "France", "country of the world in Europe"),
    Item("Q7", "Python", "programming language, software for scripts"),
    Item("Q8", "python", "large snake, an animal that strangles"),
    Item("Q9", "C++", "programming language, compiled software"),
    Item("Q10", "Ruby", "programming language, software from Asia"),
    Item("Q11", "cherry blossom", "flower of the cherry tree"),
    Item("Q12", "berry", "small juicy fruit"),
    Item("Q13", "crescent moon", "narrow shape of the moon"),
    Item("Q14", "moon", "body in the sky"),
    Item("Q15", "America", "country of the world, rich and large"),
    Item("Q16", "Côte d’Ivoire", "country of the world in Africa"),
    Item("Q17", "cat", "small furry animal"),
    Item("Q18", "Papua New Guinea", "country of the world in Oceania", ("PNG",)),
    Item("Q19", "photograph", "thing taken with a camera", ("photo",)),
    Item("Q20", "Washington, D.C.", "capital city of America"),
    Item("Q21", "smile", "happy look of a mouth"),
    Item("Q22", "chess piece", "figure of a board game"),
    Item("Q23", "goat", "animal with horns that gives milk"),
    Item("Q24", "duck", "water bird, an animal with feathers"),
    Item("Q25", "Brazil", "country of the world in South America"),
]


def build_base(folder: Path, items: Sequence[Item]) -> Path:
    lines = ",\n".join(json.dumps(as_dump(item)) for item in items)
    (folder / "dump.json.bz2").write_bytes(bz2.compress(f"[\n{lines}\n]\n".encode()))
    parameters = KnowledgeParameters(
        languages=["en"],
        exclude_classes=[],
        max_name_length=100,
        prior_smoothing=1.0,
        anchor_smoothing=10.0,
        max_error_share=0.0,
        embedding_size=16,
        embedding_sample=100,
        seed=1,
    )
    build_knowledge(folder / "dump.json.bz2", folder / "base", parameters, folder / "work")
    return folder / "base"


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("knowledge"), ITEMS)


@pytest.fixture(scope="session")
def base(knowledge: Path) -> KnowledgeBase:
    return KnowledgeBase.open(knowledge)


@pytest.fixture(scope="session")
def finder(base: KnowledgeBase) -> MentionFinder:
    """Without a named-entity model."""
    return MentionFinder(base, None, max_words=6, max_candidates=20)


@pytest.fixture(scope="session")
def ner_finder(base: KnowledgeBase) -> MentionFinder:
    return MentionFinder(base, load_ner(), max_words=6, max_candidates=20)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained."""
    return make_model(tmp_path_factory.mktemp("models") / "clip", "clip", seed=1)


Parameters = Callable[..., LabelParameters]


@pytest.fixture(scope="session")
def knobs() -> Parameters:
    def make(**changes: Any) -> LabelParameters:
        weights = {"prior": 0.5, "text": 3.0, "page": 6.0, "coherence": 3.0, "case": 0.0, "none": 0.0}
        weights |= {name: changes.pop(name) for name in list(changes) if name in weights}
        values: dict[str, Any] = {
            "ner": False,
            "max_words": 6,
            "max_candidates": 20,
            "common_share": 0.95,
            "common_least": 3,
            "use_caption": True,
            "min_coverage": 0.7,
            "modifier_weight": 0.5,
            "max_entities": 3,
            "iterations": 3,
            "weights": weights,
            "named_smoothing": 1.0,
            "page_shrinkage": 1.0,
            "min_probability": 0.5,
            "image_weight": 1.0,
            "image_quantile": 0.02,
            "references": 16,
            "image_batch": 8,
            "max_error_share": 0.5,
        }
        return LabelParameters.model_validate(values | changes)

    return make


def write_statistics(labels: Path, knowledge: Path, named: Counter[int], cases: CaseCounts | None = None) -> Path:
    """What a crawl would have taught about names and the case of words, and nothing else."""
    labels.mkdir(exist_ok=True)
    write_counts(labels / WORDS, WordCounts())
    write_cases(labels / CASES, cases or CaseCounts())
    EntityCounts.of(named).write(labels / ENTITY_COUNTS)
    merge_sums([], labels / PAGES)
    write_made_from(labels, read_fingerprint(knowledge))
    return labels


@dataclass(frozen=True)
class Shown:
    """A picture of the small web: the seed of its paint and the words around it."""

    seed: int
    alt: str
    page: str = "animals"
    caption: str = ""


def rows(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """As the crawl's index has them, without keys; the URL says which picture it is."""
    return [
        {
            "url": f"http://site.localhost/{picture.seed}.png",
            "status": "success",
            "sha256": hashlib.sha256(painted(picture.seed)).hexdigest(),
            "caption": picture.alt,
            "page_url": f"http://site.localhost/{picture.page}.html",
            "page_title": picture.page.capitalize(),
            "context": picture.caption,
            "site": "site.localhost",
        }
        for picture in shown
    ]


def write_crawl(folder: Path, shown: Sequence[Shown], size: int) -> Path:
    """Shards of `size` pictures each."""
    indexed = rows(shown)
    for number, first in enumerate(range(0, len(shown), size)):
        part = zip(indexed[first : first + size], shown[first : first + size], strict=True)
        shard = [
            Row(row | {"key": picture_key(number, position)}, painted(picture.seed))
            for position, (row, picture) in enumerate(part)
        ]
        write_shard(folder, number, shard)
    return folder


def upload(folder: Path, prefix: Prefix) -> None:
    """All files of a folder, as objects of the same names."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            prefix.put(path, str(path.relative_to(folder)))


ANIMALS = ("crab", "dolphin", "cat", "goat", "duck", "python", "turkey")
COUNTRIES = ("Japan", "France", "Brazil", "Côte d’Ivoire", "Papua New Guinea", "America", "Turkey")


def small_web() -> list[Shown]:
    """Twenty-eight pictures on two pages; "turkey" stands on both."""
    words = [("animals", name) for name in ANIMALS] + [("countries", name) for name in COUNTRIES]
    return [Shown(n, f"{name} emblem", page) for n, (page, name) in enumerate(words * 2)]
