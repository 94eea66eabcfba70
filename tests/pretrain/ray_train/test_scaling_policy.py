"""A training on two nodes, one of which is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from components.pretrain.job import Job
from components.pretrain.ray_train import trainer
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import ignore
from tests.pretrain.two_workers import writers

NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}


@dataclass(frozen=True)
class Nodes:
    """A cluster of two nodes with a CPU each; the second comes and goes."""

    cluster: Any
    second: Any

    def lose(self) -> None:
        self.cluster.remove_node(self.second, allow_graceful=False)

    def bring_back(self) -> None:
        self.cluster.add_node(**NODE)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    import ray
    from ray.cluster_utils import Cluster

    from components.execution import cluster

    ray.shutdown()
    cluster._stay_on_loopback()
    for name, value in cluster.RAY_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    both = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    second = both.add_node(**NODE)
    monkeypatch.setenv("RAY_ADDRESS", both.address)
    yield Nodes(both, second)
    cluster.leave()
    both.shutdown()


def train_while(job: Job, *happenings: tuple[Callable[[], bool], Callable[[], None]]) -> None:
    """Trains; waits for the first condition, takes its action, waits for the second, and so on."""
    with ThreadPoolExecutor(1) as pool:  # Ray starts nodes in the main thread only
        training = pool.submit(trainer.fit, job)
        for condition, action in happenings:
            while not condition() and not training.done():
                wait([training], timeout=0.05)
            action()
        training.result()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_lost_node_is_done_without(make_job: MakeJob, tmp_path: Path, nodes: Nodes) -> None:
    knobs = {"images_seen": 2400, "workers": 2, "max_failures": 5, "keep_checkpoints": 99}
    job, alone = (make_job("multitask", tmp_path / name, "vit", negatives=3, **knobs) for name in ("elastic", "alone"))
    train_while(job, (lambda: set(writers(job)) == {2}, nodes.lose))
    assert set(writers(job)) == {1, 2}, "two began, and one ended it"
    run_worker(alone, ignore)
    one, other = (read_json(of.result)["curve"] for of in (job, alone))
    assert len(one) == len(other) >= 100
    for left, right in zip(one[:20], other[:20], strict=True):
        assert left == pytest.approx(right, rel=1e-4, abs=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_node_that_comes_back_is_taken_in(
    make_job: MakeJob, tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "_RESIZE_INTERVAL", 2.0)
    knobs = {"images_seen": 32_000, "workers": 2, "max_failures": 9, "checkpoint_every": 50, "keep_checkpoints": 999}
    job = make_job("multitask", tmp_path, "vit", negatives=3, **knobs)
    train_while(
        job,
        (lambda: set(writers(job)) == {2}, nodes.lose),
        (lambda: set(writers(job)) == {1, 2}, nodes.bring_back),
    )
    assert [count for count, _ in groupby(writers(job))] == [2, 1, 2]
    assert read_json(job.result)["metrics"]["step"] == job.steps
