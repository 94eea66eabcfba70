"""The same bytes, however many workers there are and whenever the stage is killed."""

from pathlib import Path

import pytest

from components.curate.curate import build_data_set
from tests.curate.conftest import Inputs, Parameters, web, write_inputs
from tests.killing import killed_in_call, with_one_worker


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def web_of_squares(tmp_path_factory: pytest.TempPathFactory, knowledge: Path) -> Inputs:
    return write_inputs(tmp_path_factory.mktemp("web"), web(), knowledge)


@pytest.fixture
def undisturbed(
    web_of_squares: Inputs, tmp_path: Path, knobs: Parameters, monkeypatch: pytest.MonkeyPatch, ray_cluster: None
) -> dict[str, bytes]:
    (tmp_path / "undisturbed").mkdir()
    monkeypatch.chdir(tmp_path / "undisturbed")
    build_data_set(*vars(web_of_squares).values(), Path("i2e"), knobs())
    return files(Path("i2e"))


@pytest.mark.parametrize(
    ("deadly", "call"),
    [
        ("components.execution.shard_map._stop_if_bad", 2),  # within the survey
        ("components.execution.shard_map._stop_if_bad", 5),  # within the writing of shards
        ("components.curate.curate.drop_finished", 1),  # after the data set is in its place
    ],
)
def test_a_killed_stage_resumes_to_the_same_bytes(
    web_of_squares: Inputs,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    knobs: Parameters,
    monkeypatch: pytest.MonkeyPatch,
    deadly: str,
    call: int,
) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    inputs = vars(web_of_squares).values()
    assert killed_in_call(deadly, call, folder, build_data_set, *inputs, Path("i2e"), knobs())
    assert list((folder / ".work/curate").rglob("markers/*.json"))
    monkeypatch.chdir(folder)
    build_data_set(*inputs, Path("i2e"), knobs())
    assert files(Path("i2e")) == undisturbed


@pytest.mark.slow
def test_one_worker_makes_the_bytes_that_several_make(
    web_of_squares: Inputs, undisturbed: dict[str, bytes], tmp_path: Path, knobs: Parameters
) -> None:
    (tmp_path / "one").mkdir()
    with_one_worker(tmp_path / "one", build_data_set, *vars(web_of_squares).values(), Path("i2e"), knobs())
    assert files(tmp_path / "one" / "i2e") == undisturbed
