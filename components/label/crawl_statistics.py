"""What a crawl taught, as finished labels keep it, for linking other texts.

It counts the entities of one knowledge base and lies in the space of its embeddings. So
`made_from.json` names that base by its fingerprint, and no other one is linked with it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError
from components.knowledge.base.fingerprint import read_fingerprint
from components.label.linking.entity_counts import ENTITY_COUNTS, EntityCounts
from components.label.linking.page_profiles import PAGES, Profiles
from components.label.parameters import LabelParameters
from components.label.text.common_words import crawl_stop_list
from components.label.text.word_counts import WORDS, WordCounts, read_counts
from components.storage.json_files import read_json, write_json

MADE_FROM = "made_from.json"
_SHOWN = 12


@dataclass(frozen=True)
class CrawlStatistics:
    """The stop list, and how often entities are named; the rest is read when it is asked for.

    `labels`: the folder of finished labels; None if there is no crawl to learn from.
    """

    labels: Path | None
    stop_list: frozenset[str]
    named: EntityCounts

    def word_counts(self) -> WordCounts:
        """How informative words are."""
        return read_counts(self.labels / WORDS) if self.labels is not None else WordCounts()

    def profiles(self, pages: set[str], sites: set[str]) -> Profiles:
        """The profiles of these pages and sites."""
        return Profiles.read(self.labels / PAGES, pages, sites) if self.labels is not None else Profiles({})


def read_crawl_statistics(labels: Path | None, knowledge: Path, parameters: LabelParameters) -> CrawlStatistics:
    """The statistics of the crawl behind finished labels; none at all for None.

    Raises:
        InputError: if they are not there, are incomplete, or are from another knowledge base.
    """
    if labels is None:
        return CrawlStatistics(None, frozenset(), EntityCounts.of(Counter()))
    check_made_from(labels, knowledge)
    return CrawlStatistics(labels, crawl_stop_list(labels, parameters), EntityCounts.read(labels / ENTITY_COUNTS))


def write_made_from(labels: Path, knowledge: str) -> None:
    """Records the fingerprint of the knowledge base that the labels in a folder are from."""
    write_json(labels / MADE_FROM, {"knowledge": knowledge})


def check_made_from(labels: Path, knowledge: Path) -> None:
    """Checks that labels are from this knowledge base.

    Raises:
        InputError: if they are not, do not say so, or are not there.
    """
    if not labels.is_dir():
        raise InputError(f"{labels} is not there; name finished labels with --labels, or link without: --no-labels")
    if not (labels / MADE_FROM).is_file():
        raise InputError(
            f"{labels} has no {MADE_FROM}, so it does not say which knowledge base its labels are from; "
            "run `mofi label run` again, or link without: --no-labels"
        )
    content = read_json(labels / MADE_FROM)
    theirs = content.get("knowledge") if isinstance(content, Mapping) else None
    if theirs != (own := read_fingerprint(knowledge)):
        raise InputError(
            f"{labels} is from another knowledge base (fingerprint {str(theirs)[:_SHOWN]}) than {knowledge} ({own[:_SHOWN]}); "
            "name labels from this one with --labels, or link without: --no-labels"
        )
