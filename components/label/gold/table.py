"""Tables for the terminal: the evaluation on a gold file, and the fit of the weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import ConsoleRenderable, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from components.label.gold.file import Gold

_STEPS = {
    "mention_detection": "mention detection",
    "disambiguation": "disambiguation, gold spans",
    "end_to_end": "end to end",
    "end_to_end_overlap": "end to end, overlap",
}
_SHOWN_LINES, _SHOWN_EXAMPLES = 10, 2


def table(figures: Mapping[str, Any]) -> Group:
    """Tables of what `scores.score` returns: what is left out, figures, errors with examples."""
    parts: list[ConsoleRenderable] = [
        *_left_out(figures["texts"], figures["bad_lines"], figures["stray_labels"]),
        Text(f"{figures['labels']} labels in {figures['texts']} texts"),
        _scores(figures, "all mentions"),
        _scores(figures["capitalised"], "capitalised mentions"),
        _shares(figures),
    ]
    for name, title in (("missed", "labels without a correct link"), ("wrong_links", "wrong links")):
        parts.append(_errors(figures[name], title))
    return Group(*parts)


def fit_table(figures: Mapping[str, Any], gold: Gold) -> Group:
    """Log-loss and accuracy before and after `fit.fit`, by part of the gold file."""
    rows = Table("", "texts", "mentions", "log-loss", "→ new", "accuracy", "→ new", box=None)
    for name, part in figures.items():
        scores = (
            _share(part[key]) for key in ("log_loss_before", "log_loss_after", "accuracy_before", "accuracy_after")
        )
        rows.add_row(name.replace("_", " "), str(part["texts"]), str(part["mentions"]), *scores)
    bad, stray = ([fault.message for fault in faults] for faults in (gold.bad, gold.stray))
    return Group(*_left_out(len(gold.texts), bad, stray), rows)


def _left_out(texts: int, bad: Sequence[str], stray: Sequence[str]) -> list[Text]:
    """First of all: figures of half a file are not those of the file."""
    parts = [_listed(f"{len(bad)} of {texts + len(bad)} texts left out", bad)]
    if stray:
        parts.append(_listed(f"{len(stray)} labels without a Q-id are not counted", stray))
    return parts


def _listed(title: str, faults: Sequence[str]) -> Text:
    rest = [f"… and {len(faults) - _SHOWN_LINES} more"] if len(faults) > _SHOWN_LINES else []
    return Text("\n".join([f"{title}:" if faults else title, *faults[:_SHOWN_LINES], *rest]))


def _scores(figures: Mapping[str, Any], title: str) -> Table:
    rows = Table(title, "precision", "recall", "F1", "correct", "predicted", "expected", box=None)
    for name, step in _STEPS.items():
        score = figures[name]
        shares = (_share(score[key]) for key in ("precision", "recall", "f1"))
        rows.add_row(step, *shares, *(str(score[key]) for key in ("right", "given", "wanted")))
    return rows


def _shares(figures: Mapping[str, Any]) -> Table:
    recall = figures["candidate_recall"]
    rows = Table("", "share of labels", box=None)
    rows.add_row("gold entity among the candidates", _share(recall["all"]))
    rows.add_row("… of those in the knowledge base", _share(recall["in_knowledge_base"]))
    rows.add_row("missing from the knowledge base", _share(figures["missing_from_knowledge_base"]))
    return rows


def _errors(kinds: Mapping[str, Any], title: str) -> Table:
    rows = Table(title, "count", "examples", box=None)
    for kind, errors in kinds.items():
        if errors["count"]:
            examples = "\n".join(_sentence(example) for example in errors["examples"][:_SHOWN_EXAMPLES])
            rows.add_row(f"{kind}: {errors['meaning']}", str(errors["count"]), escape(examples))
    if not rows.row_count:
        rows.add_row("none", "0", "")
    return rows


def _sentence(example: Mapping[str, Any]) -> str:
    gold, linked = example["gold"] or "no entity", example["linked"] or "none"
    return f"line {example['line']}: “{example['mention']}” is {gold}, linked to {linked}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
