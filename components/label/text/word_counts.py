"""How informative each word is, learned from the crawl itself."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.knowledge.base.names import normalise
from components.storage.json_files import read_json_as, write_json

WORDS = "words.json"
# Pseudo-count of texts without the word: in a small crawl or site, words count as rare.
_SMOOTHING = 30


@dataclass(frozen=True)
class _Subcorpus:
    texts: int
    words: dict[str, int]


def words_of(text: str) -> list[str]:
    """The words of a text without their offsets."""
    return normalise(text).split()


def subcorpus_name(site: str, source: str) -> str:
    """Name of a sub-corpus: alt texts and captions of each site are counted separately."""
    return f"{source} {site}"


@dataclass(frozen=True)
class WordCounts:
    """Document frequencies of words, over the crawl and by sub-corpus."""

    texts: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    subcorpus_texts: Mapping[str, int] = field(default_factory=dict)
    subcorpus_words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def share(self, word: str, subcorpus: str) -> float:
        """The larger of the word's document shares in the sub-corpus and the crawl, in (0, 1]."""
        overall = (self.words.get(word, 0) + 1) / (self.texts + _SMOOTHING)
        if subcorpus not in self.subcorpus_texts:
            return overall
        count = self.subcorpus_words[subcorpus].get(word, 0)
        return max(overall, count / (self.subcorpus_texts[subcorpus] + _SMOOTHING))

    def information(self, word: str, subcorpus: str) -> float:
        """`-log share`, in nats: near 0 for stock phrases ("logo"), high for rare words."""
        return -math.log(self.share(word, subcorpus))


def count_words(texts: Iterable[tuple[str, str]]) -> WordCounts:
    """Counts (sub-corpus, text) pairs; a word once per text, an empty text not at all."""
    subcorpus_texts: Counter[str] = Counter()
    subcorpus_words: dict[str, Counter[str]] = {}
    for subcorpus, text in texts:
        if text.strip():
            subcorpus_texts[subcorpus] += 1
            subcorpus_words.setdefault(subcorpus, Counter()).update(set(words_of(text)))
    return _whole(subcorpus_texts, subcorpus_words)


def add_counts(parts: Iterable[WordCounts]) -> WordCounts:
    """The sum over shards."""
    subcorpus_texts: Counter[str] = Counter()
    subcorpus_words: dict[str, Counter[str]] = {}
    for part in parts:
        subcorpus_texts.update(part.subcorpus_texts)
        for subcorpus, words in part.subcorpus_words.items():
            subcorpus_words.setdefault(subcorpus, Counter()).update(words)
    return _whole(subcorpus_texts, subcorpus_words)


def _whole(subcorpus_texts: Counter[str], subcorpus_words: dict[str, Counter[str]]) -> WordCounts:
    words: Counter[str] = Counter()
    for counts in subcorpus_words.values():
        words.update(counts)
    return WordCounts(sum(subcorpus_texts.values()), words, subcorpus_texts, subcorpus_words)


def write_counts(path: Path, counts: WordCounts) -> None:
    """Writes JSON; the totals follow from the sub-corpora and are not written."""
    content: dict[str, Any] = {
        subcorpus: {"texts": counts.subcorpus_texts[subcorpus], "words": dict(counts.subcorpus_words[subcorpus])}
        for subcorpus in counts.subcorpus_texts
    }
    write_json(path, content)


def read_counts(path: Path) -> WordCounts:
    """What `write_counts` wrote.

    Raises:
        InputError: if the file is missing or damaged.
    """
    content = read_json_as(path, dict[str, _Subcorpus], "run `mofi label run` again")
    texts = Counter({subcorpus: part.texts for subcorpus, part in content.items()})
    return _whole(texts, {subcorpus: Counter(part.words) for subcorpus, part in content.items()})
