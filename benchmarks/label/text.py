"""Speed of labelling texts (mentions, context, disambiguation), compared with spaCy's NER alone.

Both run on the same unique texts in one process and one thread, in alternating rounds, with the
same model and batch size, in CPU seconds. Our look-up caches are empty at the start of each round.
Without files, the texts are the crawl's alt texts, and captions from descriptions of the knowledge
base.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.harness.claim import Claim, conclude
from components.cli import parameters
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.image_filter.calibration import UNCALIBRATED
from components.label.linking.disambiguate import Context
from components.label.linking.entity_counts import EntityCounts
from components.label.linking.link import link
from components.label.linking.linkables import linkables
from components.label.parameters import LabelParameters
from components.label.tasks import crawled_rows
from components.label.text.common_words import common_words, count_cases
from components.label.text.mentions import MatchedText, MentionFinder
from components.label.text.ner import BATCH, load_ner
from components.label.text.picture_text import read_picture_texts
from components.label.text.word_counts import WordCounts, count_words, read_counts, subcorpus_name
from components.shards.folder import ShardFolder

_BAR = 0.8
_STEPS = ("NER", "words and look-ups", "subject and context", "embedding", "disambiguation")


@dataclass
class Clock:
    """CPU seconds of each step of one round."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_STEPS, 0.0))

    @property
    def total(self) -> float:
        """Total CPU seconds."""
        return sum(self.seconds.values())

    def add(self, step: str, start: float) -> None:
        """Adds the time since `start`."""
        self.seconds[step] += time.process_time() - start


class _TimedNer:
    """The NER model, timed by `clock`."""

    def __init__(self, ner: Any, clock: Clock) -> None:
        self._ner, self._clock, self.max_length = ner, clock, ner.max_length

    def pipe(self, texts: Sequence[str], batch_size: int) -> list[Any]:
        start = time.process_time()
        documents = list(self._ner.pipe(texts, batch_size=batch_size))
        self._clock.add("NER", start)
        return documents


class _TimedFinder(MentionFinder):
    """The mention finder, timed by `clock`."""

    clock: Clock

    def search(self, texts: Sequence[str]) -> list[MatchedText]:
        start, before = time.process_time(), self.clock.seconds["NER"]
        found = super().search(texts)
        self.clock.add("words and look-ups", start)
        self.clock.seconds["words and look-ups"] -= self.clock.seconds["NER"] - before
        return found


def main() -> None:
    """Reads the texts in alternating rounds, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path, nargs="*", help="files of texts, one per line")
    parser.add_argument("--crawl", type=Path, default=Path("data/crawl"))
    parser.add_argument("--knowledge", type=Path, default=Path("data/knowledge"))
    parser.add_argument("--labels", type=Path, default=Path("data/labels"), help="for the crawl's word counts")
    parser.add_argument("--most", type=int, default=10_000, help="maximum number of texts per kind")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each")
    options = parser.parse_args()
    knowledge, ner = KnowledgeBase.open(options.knowledge), load_ner()
    knobs = parameters.load().label.model_copy(update={"use_caption": False})
    kinds = {path.name: (_lines(path), None) for path in options.texts} or {
        "alt texts": (_alt_texts(options.crawl), options.labels / "words.json"),
        "captions": (_captions(knowledge), None),
    }
    claims = []
    with threadpool_limits(1):
        for kind, (rows, words) in kinds.items():
            unique = list({row["caption"]: row for row in rows if row["caption"].strip()}.values())[: options.most]
            counts = (
                read_counts(words) if words else count_words((subcorpus_name("", "alt"), r["caption"]) for r in unique)
            )
            learnt = counts, common_words(count_cases(row["caption"] for row in unique), knobs)
            claims += _compare(kind, unique, ner, knowledge, learnt, knobs, options.rounds)
    conclude(claims)


def _compare(
    kind: str,
    rows: Sequence[dict[str, Any]],
    ner: Any,
    knowledge: KnowledgeBase,
    learnt: tuple[WordCounts, frozenset[str]],
    knobs: LabelParameters,
    rounds: int,
) -> list[Claim]:
    texts = [row["caption"] for row in rows]
    _peer(ner, texts)  # warm-up: spaCy caches strings
    knowledge.embed(["warm"])
    peers: list[float] = []
    ours: list[Clock] = []
    for turn in range(rounds):
        if turn % 2:
            ours.append(_ours(rows, ner, knowledge, learnt, knobs))
        peers.append(_peer(ner, texts))
        if not turn % 2:
            ours.append(_ours(rows, ner, knowledge, learnt, knobs))
    _show(kind, texts, peers, ours)
    shipped = statistics.median(peer / our.total for peer, our in zip(peers, ours, strict=True))
    every = statistics.median(
        peer / (peer + our.total - our.seconds["NER"]) for peer, our in zip(peers, ours, strict=True)
    )
    against = "spaCy's NER alone, one thread"
    return [
        Claim(f"{kind} labelled a second", shipped, _BAR, against),
        Claim(f"{kind} labelled a second, if NER read every one", every, _BAR, against),
    ]


def _peer(ner: Any, texts: Sequence[str]) -> float:
    start = time.process_time()
    for _ in ner.pipe(texts, batch_size=BATCH):
        pass
    return time.process_time() - start


def _ours(
    rows: Sequence[dict[str, Any]],
    ner: Any,
    knowledge: KnowledgeBase,
    learnt: tuple[WordCounts, frozenset[str]],
    knobs: LabelParameters,
) -> Clock:
    clock = Clock()
    finder = _TimedFinder(
        knowledge, _TimedNer(ner, clock), max_words=knobs.max_words, max_candidates=knobs.max_candidates
    )
    finder.clock = clock
    start = time.process_time()
    picture_texts = read_picture_texts(rows, finder, *learnt, knobs)
    searched = clock.total
    clock.add("subject and context", start)
    clock.seconds["subject and context"] -= searched
    start = time.process_time()
    contexts = knowledge.embed([picture_text.context for picture_text in picture_texts])
    clock.add("embedding", start)
    start = time.process_time()
    page, nothing_known = np.zeros(knowledge.size, dtype=np.float32), EntityCounts.of(Counter())
    for picture_text, context in zip(picture_texts, contexts, strict=True):
        link(
            picture_text.text,
            linkables(picture_text, knowledge, nothing_known, knobs.named_smoothing),
            Context(context, page),
            UNCALIBRATED,
            knobs,
        )
    clock.add("disambiguation", start)
    return clock


def _show(kind: str, texts: Sequence[str], peers: Sequence[float], ours: Sequence[Clock]) -> None:
    length = statistics.mean(map(len, texts))
    table = Table("", "texts/s", "µs a text", title=f"{kind}: {len(texts):,} of {length:.0f} characters", box=None)
    medians = {step: statistics.median(clock.seconds[step] for clock in ours) for step in _STEPS}
    rows = {"spaCy's NER alone": statistics.median(peers), "ours": statistics.median(clock.total for clock in ours)}
    for name, seconds in (rows | {f"  {step}": seconds for step, seconds in medians.items()}).items():
        table.add_row(name, f"{len(texts) / seconds:,.0f}" if seconds else "", f"{1e6 * seconds / len(texts):.0f}")
    Console().print(table)


def _row(caption: str) -> dict[str, Any]:
    return {"key": "", "site": "", "page_url": "", "caption": caption, "context": "", "page_title": ""}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [_row(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _alt_texts(crawl: Path) -> list[dict[str, Any]]:
    rows = [row for number in ShardFolder.at(crawl).numbers() for row in crawled_rows(crawl, number)]
    return [row | {"caption": row["caption"] or ""} for row in rows]


def _captions(knowledge: KnowledgeBase) -> list[dict[str, Any]]:
    return [_row(caption) for caption in _described(knowledge)]


def _described(knowledge: KnowledgeBase) -> Iterator[str]:
    """Sentences from real descriptions of two entities each."""
    entities = (knowledge.entity(row) for row in range(0, len(knowledge), 2))
    described = (e for e in entities if e.description)
    for one, other in zip(described, described, strict=False):
        yield f"A photo of {one.label}, {one.description}, with {other.label} ({other.description}) behind it."


if __name__ == "__main__":
    main()
