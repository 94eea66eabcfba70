"""The same bytes, however many workers there are and whenever the stage is killed."""

from pathlib import Path

import pytest

from components.label.label import label_pictures
from tests.killing import killed_in_call, with_one_worker
from tests.label.conftest import Parameters, small_web, write_crawl

# What the stage reads: the crawl, the knowledge base and the model.
Inputs = tuple[Path, Path, str]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, knowledge: Path, clip: Path) -> Inputs:
    crawl = write_crawl(tmp_path_factory.mktemp("web") / "crawl", small_web(), 10)
    return crawl, knowledge, str(clip)


def label(inputs: Inputs, knobs: Parameters) -> dict[str, bytes]:
    label_pictures(*inputs, Path("labels"), knobs())
    return files(Path("labels"))


@pytest.fixture(scope="module")
def undisturbed(
    inputs: Inputs,
    knobs: Parameters,
    tmp_path_factory: pytest.TempPathFactory,
    ray_cluster: None,
) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        return label(inputs, knobs)


@pytest.mark.parametrize(
    ("deadly", "call"),
    [
        pytest.param("components.execution.shard_map._stop_if_bad", 2, marks=pytest.mark.slow),  # within the survey
        ("components.label.label._sum_mentions", 1),  # between mention detection and decisions
        pytest.param("components.label.label.publish", 1, marks=pytest.mark.slow),  # before publication
        pytest.param("components.label.label._measures", 1, marks=pytest.mark.slow),  # after publication
    ],
)
def test_a_killed_stage_resumes_to_the_same_bytes(
    inputs: Inputs,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    knobs: Parameters,
    monkeypatch: pytest.MonkeyPatch,
    deadly: str,
    call: int,
) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    assert killed_in_call(deadly, call, folder, label_pictures, *inputs, Path("labels"), knobs())
    monkeypatch.chdir(folder)
    assert label(inputs, knobs) == undisturbed


def test_labels_that_a_finished_run_left_are_replaced_by_the_same_bytes(
    inputs: Inputs,
    undisturbed: dict[str, bytes],
    knobs: Parameters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert label(inputs, knobs) == undisturbed
    assert label(inputs, knobs) == undisturbed


@pytest.mark.slow
def test_one_worker_makes_the_bytes_that_several_make(
    inputs: Inputs, undisturbed: dict[str, bytes], tmp_path: Path, knobs: Parameters
) -> None:
    (tmp_path / "one").mkdir()
    with_one_worker(tmp_path / "one", label_pictures, *inputs, Path("labels"), knobs())
    assert files(tmp_path / "one" / "labels") == undisturbed
