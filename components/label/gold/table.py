"""Tables for the terminal: the evaluation on a gold file, and the fit of the weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import ConsoleRenderable, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_STEPS = {
    "mention_detection": "mention detection",
    "disambiguation": "disambiguation, gold spans",
    "end_to_end": "end to end",
}
_SHOWN_LINES, _SHOWN_EXAMPLES = 10, 2


def table(figures: Mapping[str, Any]) -> Group:
    """Tables of what `scores.score` returns: figures, errors with examples, unusable lines."""
    parts: list[ConsoleRenderable] = [
        Text(f"{figures['labels']} labels in {figures['texts']} texts"),
        _scores(figures),
        _shares(figures),
    ]
    for name, title in (("missed", "labels without a correct link"), ("wrong_links", "wrong links")):
        parts.append(_errors(figures[name], title))
    return Group(*parts, *_left_out(figures["bad_lines"]))


def fit_table(figures: Mapping[str, Any], bad_lines: Sequence[str]) -> Group:
    """Log-loss and accuracy before and after `fit.fit`, by part of the gold file."""
    rows = Table("", "texts", "mentions", "log-loss", "→ new", "accuracy", "→ new", box=None)
    for name, part in figures.items():
        scores = (
            _share(part[key]) for key in ("log_loss_before", "log_loss_after", "accuracy_before", "accuracy_after")
        )
        rows.add_row(name.replace("_", " "), str(part["texts"]), str(part["mentions"]), *scores)
    return Group(rows, *_left_out(bad_lines))


def _left_out(bad: Sequence[str]) -> list[Text]:
    if not bad:
        return []
    rest = [f"… and {len(bad) - _SHOWN_LINES} more"] if len(bad) > _SHOWN_LINES else []
    return [Text("\n".join([f"{len(bad)} lines skipped:", *bad[:_SHOWN_LINES], *rest]))]


def _scores(figures: Mapping[str, Any]) -> Table:
    rows = Table("", "precision", "recall", "F1", "correct", "predicted", "expected", box=None)
    for name, title in _STEPS.items():
        score = figures[name]
        shares = (_share(score[key]) for key in ("precision", "recall", "f1"))
        rows.add_row(title, *shares, *(str(score[key]) for key in ("right", "given", "wanted")))
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
