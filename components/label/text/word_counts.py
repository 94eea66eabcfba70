"""How informative each word is, learned from the crawl itself."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.knowledge.base.names import normalise
from components.storage.json_files import read_json, write_json

# Pseudo-count of texts without the word: in a small crawl or site, words count as rare.
_SMOOTHING = 30


def words_of(text: str) -> list[str]:
    """The words of a text without their offsets."""
    return normalise(text).split()


def voice(site: str, source: str) -> str:
    """Name of a sub-corpus: alt texts and captions of each site are counted separately."""
    return f"{source} {site}"


@dataclass(frozen=True)
class WordCounts:
    """Document frequencies of words, over the crawl and by sub-corpus."""

    texts: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    voice_texts: Mapping[str, int] = field(default_factory=dict)
    voice_words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def share(self, word: str, speaker: str) -> float:
        """The larger of the word's document shares in the sub-corpus and the crawl, in (0, 1]."""
        overall = (self.words.get(word, 0) + 1) / (self.texts + _SMOOTHING)
        if speaker not in self.voice_texts:
            return overall
        count = self.voice_words[speaker].get(word, 0)
        return max(overall, count / (self.voice_texts[speaker] + _SMOOTHING))

    def information(self, word: str, speaker: str) -> float:
        """`-log share`, in nats: near 0 for stock phrases ("logo"), high for rare words."""
        return -math.log(self.share(word, speaker))


def count_words(texts: Iterable[tuple[str, str]]) -> WordCounts:
    """Counts (sub-corpus, text) pairs; a word once per text, an empty text not at all."""
    voice_texts: Counter[str] = Counter()
    voice_words: dict[str, Counter[str]] = {}
    for speaker, text in texts:
        if text.strip():
            voice_texts[speaker] += 1
            voice_words.setdefault(speaker, Counter()).update(set(words_of(text)))
    return _whole(voice_texts, voice_words)


def add_counts(parts: Iterable[WordCounts]) -> WordCounts:
    """The sum over shards."""
    voice_texts: Counter[str] = Counter()
    voice_words: dict[str, Counter[str]] = {}
    for part in parts:
        voice_texts.update(part.voice_texts)
        for speaker, words in part.voice_words.items():
            voice_words.setdefault(speaker, Counter()).update(words)
    return _whole(voice_texts, voice_words)


def _whole(voice_texts: Counter[str], voice_words: dict[str, Counter[str]]) -> WordCounts:
    words: Counter[str] = Counter()
    for counts in voice_words.values():
        words.update(counts)
    return WordCounts(sum(voice_texts.values()), words, voice_texts, voice_words)


def write_counts(path: Path, counts: WordCounts) -> None:
    """Writes JSON; the totals follow from the sub-corpora and are not written."""
    content: dict[str, Any] = {
        speaker: {"texts": counts.voice_texts[speaker], "words": dict(counts.voice_words[speaker])}
        for speaker in counts.voice_texts
    }
    write_json(path, content)


def read_counts(path: Path) -> WordCounts:
    """What `write_counts` wrote.

    Raises:
        InputError: if the file is missing or no JSON.
    """
    content = read_json(path)
    texts = Counter({speaker: int(part["texts"]) for speaker, part in content.items()})
    return _whole(texts, {speaker: Counter(part["words"]) for speaker, part in content.items()})
