"""The same bytes, however many workers there are and whenever the stage is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from components.curate.curate import build_data_set
from tests.curate.conftest import Inputs, Parameters, web, write_inputs

ROOT = Path(__file__).resolve().parents[2]
# A stage that kills itself, as `kill -9` would, when a function is called for the n-th time.
STAGE = """
import os, signal, sys
from importlib import import_module
from pathlib import Path

from components.curate.curate import build_data_set
from components.curate.parameters import CurateParameters

crawl, labels, knowledge, knobs, deadly, call = sys.argv[1:]
if deadly:
    module, _, name = deadly.rpartition(".")
    original, left = getattr(import_module(module), name), [int(call)]

    def dying(*arguments):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    setattr(import_module(module), name, dying)
else:
    import ray

    ray.init(num_cpus=1, include_dashboard=False, _node_ip_address="127.0.0.1", object_store_memory=100 * 1024**2)
build_data_set(Path(crawl), Path(labels), Path(knowledge), Path("i2e"), CurateParameters.model_validate_json(knobs))
"""


def stage(inputs: Inputs, knobs: str, folder: Path, deadly: str = "", call: int = 1) -> int:
    """Runs the stage in a process of its own, standing in `folder`; returns how it ended."""
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"PYTHONPATH": str(ROOT)}
    if deadly:
        environment["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", STAGE, *map(str, vars(inputs).values()), knobs, deadly, str(call)]
    return subprocess.run(command, cwd=folder, env=environment, check=False, timeout=200).returncode


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
        ("components.shard_map._stop_if_bad", 2),  # within the survey
        ("components.shard_map._stop_if_bad", 5),  # within the writing of shards
        ("components.curate.curate._retire", 1),  # after the data set is in its place
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
    assert stage(web_of_squares, knobs().model_dump_json(), folder, deadly, call) == -9
    assert list((folder / ".work/curate").rglob("markers/*.json"))
    monkeypatch.chdir(folder)
    build_data_set(*vars(web_of_squares).values(), Path("i2e"), knobs())
    assert files(Path("i2e")) == undisturbed


@pytest.mark.slow
def test_one_worker_makes_the_bytes_that_several_make(
    web_of_squares: Inputs, undisturbed: dict[str, bytes], tmp_path: Path, knobs: Parameters
) -> None:
    assert stage(web_of_squares, knobs().model_dump_json(), tmp_path / "one") == 0
    assert files(tmp_path / "one" / "i2e") == undisturbed
