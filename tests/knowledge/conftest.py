"""A dump of a few real items, and the knowledge base that is built from it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.build.build import build
from components.knowledge.parameters import KnowledgeParameters


def claim(value: Any, rank: str = "normal") -> dict[str, Any]:
    return {"mainsnak": {"snaktype": "value", "datavalue": {"value": value}}, "rank": rank}


def item(
    qid: str,
    label: str,
    description: str = "",
    aliases: Sequence[str] = (),
    claims: Mapping[str, Sequence[Any]] | None = None,
    sitelinks: int = 0,
) -> dict[str, Any]:
    """One line's content. An empty mapping is an empty list, as in the real dump."""
    statements = {
        name: [claim({"id": v, "entity-type": "item"} if v[:1] == "Q" else v) for v in values]
        for name, values in (claims or {}).items()
    }
    return {
        "type": "item",
        "id": qid,
        "labels": {"en": {"language": "en", "value": label}},
        "descriptions": {"en": {"language": "en", "value": description}} if description else [],
        "aliases": {"en": [{"language": "en", "value": a} for a in aliases]} if aliases else [],
        "claims": statements or [],
        "sitelinks": {f"wiki{n}": {"title": label} for n in range(sitelinks)} if sitelinks else [],
    }


ITEMS = [
    item("Q43", "Turkey", "country in West Asia and Southeast Europe", ["Türkiye"], {"P31": ["Q6256"]}, 400),
    item("Q848706", "turkey", "large ground-feeding bird", ["wild turkey"], {"P279": ["Q5113"], "P18": ["T.jpg"]}, 99),
    item("Q5113", "bird", "warm-blooded egg-laying animal with feathers", ["birds", "avian"], sitelinks=250),
    item("Q6256", "country", "distinct territorial body or political entity"),
    item("Q89", "apple", "sweet edible fruit of the apple tree", sitelinks=180),
    item("Q312", "Apple", "American maker of computers and telephones", ["Apple Inc."], sitelinks=150),
    item("Q2407", "C++", "programming language"),
    item("Q2370", "C#", "programming language by Microsoft", ["C sharp"]),
    item("Q777777", "Turkey", "disambiguation page", claims={"P31": ["Q4167410"]}, sitelinks=30),
]


def lines_of(items: Sequence[Any]) -> bytes:
    return b"[\n" + b",\n".join(json.dumps(i).encode() for i in items) + b"\n]\n"


@pytest.fixture(scope="session")
def knobs() -> KnowledgeParameters:
    return KnowledgeParameters(
        languages=["en"],
        exclude_classes=["Q4167410"],
        max_name_length=40,
        prior_smoothing=1.0,
        anchor_smoothing=10.0,
        max_error_share=0.01,
        embedding_size=6,
        embedding_sample=1000,
        seed=7,
    )


def built(items: Sequence[Any], folder: Path, knobs: KnowledgeParameters) -> KnowledgeBase:
    dump = folder / "dump.json"
    dump.write_bytes(lines_of(items))
    build(dump, folder / "base", knobs, folder / "work")
    return KnowledgeBase.open(folder / "base")


@pytest.fixture(scope="session")
def base(knobs: KnowledgeParameters, tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    return built(ITEMS, tmp_path_factory.mktemp("knowledge"), knobs)
