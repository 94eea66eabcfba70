"""How short texts fare in the language filter on pages that declare a language wrongly.

English: real alt texts of two or three words, from a table of the user with a column `text`.
Others: CLDR's names of emoji, as emojibase publishes them. Neither is this project's.
"""

import argparse
import csv
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.cli import parameters
from components.crawl.filters.language import Language
from components.crawl.pair import Pair
from components.storage.json_files import read_json
from samples import packages

_LANGUAGES = ("da", "de", "es", "fr", "it", "nl", "pl", "pt", "sv")
_WORDS = re.compile(r"[^\W\d_]+")
_SHORT = range(2, 4)  # words; one tells nothing, and four are enough to know the language


@dataclass(frozen=True)
class Share:
    """Of `texts` texts on pages of one language, or of each of several, so many are kept."""

    kept: int
    texts: int

    def __str__(self) -> str:
        """As a percentage."""
        return f"{self.kept / self.texts:.1%} of {self.texts}"


def main() -> None:
    """Prints the shares of texts that are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("english", type=Path, help="table (.tsv) of alt texts with a column `text`")
    parser.add_argument("--texts", type=int, default=300, help="texts of each language, drawn at random")
    options = parser.parse_args()
    drops = Language(parameters.load().crawl.model_copy(update={"languages": ["en"]})).drops
    emoji = packages.fetch() / "emojibase-data"
    english = _drawn(filter(str.isascii, _column(options.english)), options.texts)
    names = set(_names(emoji, "en"))
    table = Table("texts", "page declares", "kept by [en]", box=None)
    table.add_row("English alt texts", "each of the others", str(_kept(drops, english, _LANGUAGES)))
    table.add_row(
        "English names of emoji", "each of the others", str(_kept(drops, _drawn(names, options.texts), _LANGUAGES))
    )
    for language in _LANGUAGES:
        foreign = _drawn(set(_names(emoji, language)) - names, options.texts)
        table.add_row(f"names of emoji, {language}", language, str(_kept(drops, foreign, (language,))))
    Console().print(table)


def _kept(drops: Callable[[Pair], bool], texts: list[str], languages: Iterable[str]) -> Share:
    pairs = [Pair("https://a.example/a.png", text, page_language=lang) for text in texts for lang in languages]
    return Share(sum(not drops(pair) for pair in pairs), len(pairs))


def _drawn(texts: Iterable[str], number: int) -> list[str]:
    """Short texts, the same in every run."""
    short = sorted({text for text in texts if len(_WORDS.findall(text)) in _SHORT})
    return random.Random(0).sample(short, min(number, len(short)))


def _column(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file, delimiter="\t")]


def _names(emoji: Path, language: str) -> list[str]:
    return [one["label"] for one in read_json(emoji / language / "data.json")]


if __name__ == "__main__":
    main()
