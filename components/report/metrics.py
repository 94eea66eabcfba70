"""What the pages take from the stages' metrics, so that files of another kind are a sentence."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.storage.json_files import check_content, read_json

_FIX = "`dvc repro` runs the stage that writes it again"
Number = float | int | None


@dataclass(frozen=True)
class _Model:
    retrieval: dict[str, dict[str, float]]
    knn: dict[str, float]


@dataclass(frozen=True)
class _Domain:
    pictures: int


@dataclass(frozen=True)
class _Benchmark:
    pictures: int
    categories: int
    domains: dict[str, _Domain]


@dataclass(frozen=True)
class _Labels:
    pictures: int = 0
    linkable: int = 0
    labels: int = 0
    precision: Number = None
    recall: Number = None


@dataclass(frozen=True)
class _Evaluation:
    benchmark: _Benchmark
    models: dict[str, _Model]
    best: str
    labels: _Labels


@dataclass(frozen=True)
class _Gate:
    value: Number
    least: Number


@dataclass(frozen=True)
class _Promotion:
    promoted: bool
    recipe: str
    reasons: list[str]
    gates: dict[str, _Gate]


@dataclass(frozen=True)
class _Pictures:
    attempted: int
    success: int
    failed: dict[str, int]


@dataclass(frozen=True)
class _Pages:
    crawled: int
    refused: dict[str, int]


@dataclass(frozen=True)
class _Pairs:
    found: int
    dropped: dict[str, int]


@dataclass(frozen=True)
class _Crawl:
    pages: _Pages
    pairs: _Pairs
    pictures: _Pictures


@dataclass(frozen=True)
class _Hosts:
    slowest: list[dict[str, Any]]
    failing: list[dict[str, Any]]


@dataclass(frozen=True)
class _Timing:
    seconds: float
    pictures: int
    bytes: int
    requests: int
    retries: int
    kept: int
    start: float
    end: float
    parts: list[dict[str, Any]]
    hosts: _Hosts


@dataclass(frozen=True)
class _Seconds:
    seconds: float


_KINDS: dict[str, Any] = {"evaluate": _Evaluation, "promote": _Promotion, "crawl": _Crawl}


def read_metrics(folder: Path) -> dict[str, Any]:
    """Every stage's metrics by stage; a stage that has not run is absent.

    Raises:
        InputError: if a file is damaged, or of another kind.
    """
    return {path.stem: read_stage(path) for path in sorted(folder.glob("*.json"))}


def read_stage(path: Path) -> dict[str, Any]:
    """One stage's metrics; raises as `read_metrics` does."""
    return _read(path, _KINDS.get(path.stem, dict[str, Any]))


def read_seconds(folder: Path) -> dict[str, float]:
    """Seconds of each stage's last run; raises as `read_metrics` does."""
    files = sorted((folder / "seconds").glob("*.json"))
    return {path.stem: float(_read(path, _Seconds)["seconds"]) for path in files}


def read_timing(path: Path) -> dict[str, Any]:
    """The crawl's timing; raises as `read_metrics` does."""
    return _read(path, _Timing)


def _read(path: Path, kind: Any) -> dict[str, Any]:
    content: dict[str, Any] = read_json(path)
    check_content(path, content, kind, _FIX)
    return content
