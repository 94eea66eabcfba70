"""Words of an alt text with their offsets, and how much each word tells, learned from the crawl itself."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.knowledge.names import words as normalised_words
from components.stage import read_json, write_json

# Counts of a small site are drawn towards "rare" by this many imagined pictures without the word.
_SMOOTHING = 30


@dataclass(frozen=True)
class Word:
    """A word as the name index spells it; `text[start:end]` is its surface."""

    text: str
    start: int
    end: int


def split(text: str) -> list[Word]:
    """The words of a text, cut as `components.knowledge.normalise` cuts names (underscores and hyphens separate)."""
    return [Word(*word) for word in normalised_words(text)]


@dataclass(frozen=True)
class WordCounts:
    """In how many pictures' alt texts each word stands, over the crawl and by site."""

    pictures: int = 0
    words: Mapping[str, int] = field(default_factory=dict)
    site_pictures: Mapping[str, int] = field(default_factory=dict)
    site_words: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def share(self, word: str, site: str | None) -> float:
        """The larger of the word's shares among the pictures of the site and of the crawl, in (0, 1]."""
        overall = (self.words.get(word, 0) + 1) / (self.pictures + 2)
        if site is None or site not in self.site_pictures:
            return overall
        count = self.site_words[site].get(word, 0)
        return max(overall, count / (self.site_pictures[site] + _SMOOTHING))

    def information(self, word: str, site: str | None) -> float:
        """`-log share`, in nats: near 0 for what every picture of a site is called ("logo"), high for a rare word."""
        return -math.log(self.share(word, site))


def count_words(texts: Iterable[tuple[str, str]]) -> WordCounts:
    """Counts (site, alt text) pairs; a word counts once per picture."""
    site_pictures: Counter[str] = Counter()
    site_words: dict[str, Counter[str]] = {}
    for site, text in texts:
        site_pictures[site] += 1
        site_words.setdefault(site, Counter()).update({w.text for w in split(text)})
    return _whole(site_pictures, site_words)


def add_counts(parts: Iterable[WordCounts]) -> WordCounts:
    """The sum over shards."""
    site_pictures: Counter[str] = Counter()
    site_words: dict[str, Counter[str]] = {}
    for part in parts:
        site_pictures.update(part.site_pictures)
        for site, words in part.site_words.items():
            site_words.setdefault(site, Counter()).update(words)
    return _whole(site_pictures, site_words)


def _whole(site_pictures: Counter[str], site_words: dict[str, Counter[str]]) -> WordCounts:
    words: Counter[str] = Counter()
    for counts in site_words.values():
        words.update(counts)
    return WordCounts(sum(site_pictures.values()), words, site_pictures, site_words)


def write_counts(path: Path, counts: WordCounts) -> None:
    """As JSON; the totals follow from the sites and are not written."""
    content: dict[str, Any] = {
        site: {"pictures": counts.site_pictures[site], "words": dict(counts.site_words[site])}
        for site in counts.site_pictures
    }
    write_json(path, content)


def read_counts(path: Path) -> WordCounts:
    """What `write_counts` wrote.

    Raises:
        InputError: if the file is missing or no JSON.
    """
    content = read_json(path)
    pictures = Counter({site: int(part["pictures"]) for site, part in content.items()})
    return _whole(pictures, {site: Counter(part["words"]) for site, part in content.items()})
