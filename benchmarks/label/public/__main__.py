"""How right labels are on texts that the project did not make, next to published linkers.

`python -m benchmarks.label.public LINKING PHOTOS WIKIDATA`: a folder with `base.json.zst`,
`anchors.tsv`, `gold/*.jsonl` and `alt_texts.tsv`; one with `classes.tsv`; and one with
`subset.json.bz2`. Bases are built once, into `.work/benchmarks/label-public`.
"""

import argparse
import csv
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.label.public.forms import FormScore, draw_names, read_classes, score_forms
from benchmarks.label.public.gold import PUBLISHED, SetScore, score_set
from benchmarks.label.public.linked import TextLinker
from components.cli import parameters
from components.knowledge.build.build import build
from components.label.gold.linker import GoldLinker

_WORK = Path(".work/benchmarks/label-public")
PARTS = ("gold", "forms", "alt-texts")


def main() -> None:
    """Measures what is asked for, and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("linking", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("wikidata", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--show", type=int, default=0, help="labels of alt texts to print")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    figures: dict[str, Any] = {}
    linking = _base("linking", options.linking / "base.json.zst", options.linking / "anchors.tsv")
    texts = _alt_texts(options.linking / "alt_texts.tsv")
    knobs = parameters.load(options.params).label
    if "gold" in options.only:
        linker = GoldLinker(linking, knobs)
        sets = [score_set(path, linker) for path in sorted((options.linking / "gold").glob("*.jsonl"))]
        _show_gold(sets)
        figures["gold"] = {one.name: vars(one) for one in sets}
    if "alt-texts" in options.only:
        figures["alt_texts"] = _labelled(TextLinker(linking, knobs, texts), texts, options.show)
    if "forms" in options.only:
        wikidata = _base("wikidata", options.wikidata / "subset.json.bz2")
        names = TextLinker(wikidata, knobs, texts)
        classes, drawn = read_classes(options.photos / "classes.tsv", names.base), draw_names(names.base)
        figures["forms"] = {}
        for what, own in (("classes", classes), ("drawn", drawn)):
            scores = score_forms(names, own)
            _show_forms(what, scores)
            figures["forms"][what] = {one.form: [one.names, one.recall, one.precision] for one in scores}
    print(json.dumps(figures))


def _base(name: str, dump: Path, anchors: Path | None = None) -> Path:
    folder = _WORK / name
    if not folder.is_dir():
        build(str(dump), folder, parameters.load().knowledge, _WORK / f"{name}-unfinished", anchors)
    return folder


def _alt_texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def _labelled(linker: TextLinker, texts: Sequence[str], shown: int) -> dict[str, float]:
    labels = linker.link(texts)
    labelled = [(text, label) for text, label in zip(texts, labels, strict=True) if label.entities]
    for text, label in labelled[:: max(1, len(labelled) // shown)] if shown else ():
        kept = ", ".join(
            f"{d.mention} = {d.entity_id} {linker.base.entity(linker.base.row_of(d.entity_id) or 0).label}"
            f" {d.text_score:.2f}"
            for d in label.decisions
            if d.kept
        )
        print(f"{text[:110]} → {kept}")
    print(f"{len(labelled)} of {len(texts)} alt texts are labelled: {len(labelled) / len(texts):.3f}")
    return {"texts": len(texts), "labelled": len(labelled)}


def _show_gold(sets: Sequence[SetScore]) -> None:
    table = Table(
        "set", "spans", "right", "first", "95 % of the difference", "among", "F1", "baseline", "REL", box=None
    )
    for one in sets:
        low, high = one.difference
        prior, _, rel, *_ = PUBLISHED.get(one.name, (None,) * 5)
        f1 = one.end_to_end["f1"] or 0.0
        table.add_row(
            one.name,
            *(
                f"{value:.3f}" if isinstance(value, float) else str(value)
                for value in (one.spans, one.right, one.first)
            ),
            f"{low:+.3f} to {high:+.3f}",
            f"{one.among:.3f}",
            f"{f1:.3f}",
            *("" if value is None else f"{value:.3f}" for value in (prior, rel)),
        )
    Console(width=130).print(table)


def _show_forms(what: str, scores: Sequence[FormScore]) -> None:
    table = Table(f"form ({what})", "names", "recall", "precision", box=None)
    for one in scores:
        table.add_row(one.form, str(one.names), f"{one.recall:.3f}", f"{one.precision:.3f}")
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
