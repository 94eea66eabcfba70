"""The same bytes, however many workers there are and whenever the stage is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray

from components.label.label import label_pictures
from tests.label.conftest import Parameters, small_web, write_crawl

ROOT = Path(__file__).resolve().parents[2]
# A stage that kills itself, as `kill -9` would, when a function is called for the n-th time.
STAGE = """
import os, signal, sys
from importlib import import_module
from pathlib import Path

from components.label.label import label_pictures
from components.label.parameters import LabelParameters

crawl, knowledge, model, knobs, deadly, call = sys.argv[1:]
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
label_pictures(Path(crawl), Path(knowledge), model, Path("labels"), LabelParameters.model_validate_json(knobs))
"""


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def stage(inputs: tuple[str, str, str], knobs: str, folder: Path, deadly: str = "", call: int = 1) -> int:
    """Runs the stage in a process of its own, standing in `folder`; returns how it ended."""
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"PYTHONPATH": str(ROOT)}
    if deadly:
        environment["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", STAGE, *inputs, knobs, deadly, str(call)]
    return subprocess.run(command, cwd=folder, env=environment, check=False, timeout=280).returncode


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, knowledge: Path, clip: Path) -> tuple[str, str, str]:
    crawl = write_crawl(tmp_path_factory.mktemp("web") / "crawl", small_web(), 10)
    return str(crawl), str(knowledge), str(clip)


def label(inputs: tuple[str, str, str], knobs: Parameters) -> dict[str, bytes]:
    crawl, knowledge, model = inputs
    label_pictures(Path(crawl), Path(knowledge), model, Path("labels"), knobs())
    return files(Path("labels"))


@pytest.fixture
def undisturbed(
    inputs: tuple[str, str, str],
    tmp_path: Path,
    knobs: Parameters,
    monkeypatch: pytest.MonkeyPatch,
    ray_cluster: None,
) -> dict[str, bytes]:
    (tmp_path / "undisturbed").mkdir()
    monkeypatch.chdir(tmp_path / "undisturbed")
    return label(inputs, knobs)


@pytest.mark.parametrize(
    ("deadly", "call"),
    [
        ("components.shard_map._stop_if_bad", 2),  # within the survey
        ("components.label.label._sum_readings", 1),  # between reading and deciding
        pytest.param(
            "components.label.label.publish", 1, marks=pytest.mark.slow
        ),  # before the labels are in their place
        pytest.param("components.label.label._measures", 1, marks=pytest.mark.slow),  # after they are
    ],
)
def test_a_killed_stage_resumes_to_the_same_bytes(
    inputs: tuple[str, str, str],
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    knobs: Parameters,
    monkeypatch: pytest.MonkeyPatch,
    deadly: str,
    call: int,
) -> None:
    folder = tmp_path / "killed"
    assert stage(inputs, knobs().model_dump_json(), folder, deadly, call) == -9
    monkeypatch.chdir(folder)
    assert label(inputs, knobs) == undisturbed


def test_labels_that_a_finished_run_left_are_replaced_by_the_same_bytes(
    inputs: tuple[str, str, str], undisturbed: dict[str, bytes], knobs: Parameters
) -> None:
    assert label(inputs, knobs) == undisturbed


@pytest.mark.slow
def test_one_worker_makes_the_bytes_that_several_make(
    inputs: tuple[str, str, str], undisturbed: dict[str, bytes], tmp_path: Path, knobs: Parameters
) -> None:
    assert stage(inputs, knobs().model_dump_json(), tmp_path / "one") == 0
    assert files(tmp_path / "one" / "labels") == undisturbed
