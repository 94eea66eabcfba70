"""Names in the forms in which captions write them: recall and precision of each form."""

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.label.public.linked import TextLinker
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.base.names import normalise

FORMS = (
    "{x}",
    "photo of {a} {x}",
    "{x} on display",
    "my {x}",
    "{a} {x} for sale",
    "close-up of {a} {x}",
    "{a} {x} seen from the side",
    "a brown {x}",
    "{x} - picture 7",
)
_DRAWN, _SEED = 200, 18


@dataclass(frozen=True)
class Name:
    """A name, and the Q-ids that are right for it."""

    text: str
    right: frozenset[str]

    def form(self, form: str) -> str:
        """The caption in this form."""
        return form.format(x=self.text, a="an" if self.text[:1].lower() in "aeiou" else "a")


@dataclass(frozen=True)
class FormScore:
    """Of the names whose entity the base has: how many got it, and how many got another, too."""

    form: str
    names: int
    right: int
    labels: int

    @property
    def recall(self) -> float:
        """Share of names whose entity is a label of their caption."""
        return self.right / self.names

    @property
    def precision(self) -> float:
        """Share of labels that are right."""
        return self.right / self.labels if self.labels else 0.0


def read_classes(path: Path, base: KnowledgeBase) -> list[Name]:
    """The classes of a table `folder, name, entity_ids`, as far as the base has them by name."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = [Name(row["name"], frozenset(row["entity_ids"].split())) for row in rows]
    return [name for name in names if name.right & {c.entity_id for c in base.candidates(name.text)}]


def draw_names(base: KnowledgeBase) -> list[Name]:
    """Common nouns of the base for which one item stands, drawn by seed.

    An item counts if Wikidata writes its name in small letters, has it below some class, and no
    other item has the name as its label.
    """
    rows = list(range(len(base)))
    random.Random(_SEED).shuffle(rows)
    return list(islice((name for row in rows for name in _noun(base, row)), _DRAWN))


def _noun(base: KnowledgeBase, row: int) -> Iterator[Name]:
    entity = base.entity(row)
    name = entity.label
    if not entity.subclass_of or not name.islower() or not 3 <= len(name) <= 30 or not name.replace(" ", "").isalpha():
        return
    own = [c for c in base.candidates(name) if normalise(base.entity(c.row).label) == normalise(name)]
    if len(own) == 1:
        yield Name(name, frozenset([entity.entity_id]))


def score_forms(linker: TextLinker, names: Sequence[Name]) -> list[FormScore]:
    """The score of each form over all names."""
    scores = []
    for form in FORMS:
        labels = linker.link([name.form(form) for name in names])
        right = sum(bool(name.right & set(label.entities)) for name, label in zip(names, labels, strict=True))
        scores.append(FormScore(form, len(names), right, sum(len(label.entities) for label in labels)))
    return scores
