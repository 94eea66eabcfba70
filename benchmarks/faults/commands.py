"""The commands that are disturbed: what each reads and writes, and how to get another result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

BASE, OTHER = "base", "other"
# Another folder for a crawl's result, and an export's and a measurement's folder.
CRAWL_TOO, EXPORTS = "data/crawl_too", "exports"
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Command:
    """A command of the chain.

    Attributes:
        name: of the command in tables and options.
        words: what stands after `mofi`.
        outputs: files and folders that it replaces.
        reads: commands whose outputs it reads, directly.
        knobs: values of params.yaml that give another result; none where there is none.
        wholly: whether `outputs` are equal bytes at each run. A report holds seconds.
    """

    name: str
    words: tuple[str, ...]
    outputs: tuple[str, ...]
    reads: tuple[str, ...] = ()
    knobs: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    wholly: bool = True

    @property
    def variants(self) -> tuple[str, ...]:
        """The results that it can give."""
        return (BASE, OTHER) if self.knobs else (BASE,)


def _pretrain(name: str, recipe: str, data: str, reads: str) -> Command:
    outputs = (f"models/{recipe}", f"metrics/pretrain_{recipe}.json", f"metrics/curves/{recipe}.csv")
    words = ("pretrain", recipe, "--data", data, "--out", f"models/{recipe}")
    return Command(name, words, outputs, (reads,), {"pretrain": {"seed": 18}})


_CRAWL = ("crawl", "--web", "data/sample/web", "--hold-out", "data/sample/benchmark/images", "--out", "data/crawl")
_ADOPT = ("crawl", "--source", "img2dataset:data/crawl/*.tar", "--out", CRAWL_TOO)
_LABEL = ("label", "run", "--crawl", "data/crawl", "--knowledge", "data/knowledge", "--model", "models/clip")
_KNOWLEDGE = ("knowledge", "build", "--dump", "data/sample/knowledge.json.bz2", "--out", "data/knowledge")
_MEASURE = ("evaluate-model", "models/clip", "--out", f"{EXPORTS}/measured.json")
_EXPORT = ("export", "models/clip", "--to", "onnx", "--out", f"{EXPORTS}/onnx")
_REPORT_READS = ("crawl", "label", "curate", "evaluate", "query")

# In the order in which they can run.
CHAIN = (
    Command(
        "sample",
        ("sample", "build", "--out", "data/sample"),
        ("data/sample", "metrics/sample.json"),
        knobs={"sample": {"seed": 8}},
    ),
    Command(
        "knowledge",
        _KNOWLEDGE,
        ("data/knowledge", "metrics/knowledge.json"),
        ("sample",),
        {"knowledge": {"embedding_size": 16}},
    ),
    Command("crawl", _CRAWL, ("data/crawl", "metrics/crawl.json"), ("sample",), {"crawl": {"shard_size": 50}}),
    _pretrain("pretrain", "clip", "data/crawl", "crawl"),
    Command(
        "label",
        (*_LABEL, "--out", "data/labels"),
        ("data/labels", "metrics/label.json"),
        ("crawl", "knowledge", "pretrain"),
        {"label": {"min_probability": 0.8}},
    ),
    Command(
        "curate",
        ("curate",),
        ("data/i2e", "metrics/curate.json"),
        ("crawl", "knowledge", "label"),
        {"curate": {"seed": 4, "shard_size": 30}},
    ),
    _pretrain("pretrain-entities", "supervised", "data/i2e", "curate"),
    Command(
        "evaluate",
        ("evaluate",),
        ("data/evaluation", "metrics/evaluate.json"),
        ("sample", "crawl", "label", "pretrain", "pretrain-entities"),
        {"evaluate": {"map_pictures": 20}},
    ),
    Command("promote", ("promote",), ("metrics/promote.json",), ("sample", "evaluate", "pretrain-entities")),
    Command(
        "query",
        ("query",),
        ("data/query", "metrics/query.json"),
        ("sample", "curate", "promote"),
        {"query": {"top": 3}},
    ),
    Command("report", ("report",), ("reports",), _REPORT_READS, wholly=False),
    Command("crawl-too", _ADOPT, (CRAWL_TOO,), ("crawl",), {"crawl": {"shard_size": 70}}),
    Command("evaluate-model", _MEASURE, (f"{EXPORTS}/measured.json",), ("sample", "pretrain")),
    Command("export", _EXPORT, (f"{EXPORTS}/onnx",), ("pretrain",)),
)
# The whole chain, of which the changed knob leaves only these to run.
FLOW = Command(
    "flow",
    ("run",),
    ("data/query", "metrics/query.json", "reports"),
    ("curate", "promote"),
    {"query": {"top": 3}},
    wholly=False,
)
COMMANDS = {command.name: command for command in (*CHAIN, FLOW)}
