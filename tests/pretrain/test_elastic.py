"""A training on two nodes, one of which is lost for good."""

import threading
from pathlib import Path

import pytest

from components.pretrain import workers
from components.pretrain.depot import MANIFEST
from components.pretrain.job import Job
from components.pretrain.loop import run_worker
from components.stage import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.test_loop import ignore

NODE = {"num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}


def writers(job: Job) -> set[int]:
    """How many workers wrote the checkpoints that are there."""
    return {read_json(path)["workers"] for path in Path(job.checkpoints).glob(f"[0-9]*/{MANIFEST}")}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_lost_node_is_done_without(make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray.cluster_utils import Cluster

    from components import cluster

    ray.shutdown()
    cluster._stay_on_loopback()
    for name, value in cluster.RAY_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    nodes = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    second = nodes.add_node(**NODE)
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    knobs = {"images_seen": 2400, "workers": 2, "max_failures": 5, "keep_checkpoints": 99}
    job, alone = (make_job("multitask", tmp_path / name, "vit", negatives=3, **knobs) for name in ("elastic", "alone"))
    end = threading.Event()

    def lose() -> None:
        while not end.wait(0.05):
            if writers(job) == {2}:
                nodes.remove_node(second, allow_graceful=False)
                return

    loser = threading.Thread(target=lose)
    loser.start()
    try:
        workers.fit(job)
    finally:
        end.set()
        loser.join()
        cluster.leave()
        nodes.shutdown()
    assert writers(job) == {1, 2}, "two began, and one ended it"
    run_worker(alone, ignore)
    one, other = (read_json(of.result)["curve"] for of in (job, alone))
    assert len(one) == len(other) >= 100
    for left, right in zip(one[:20], other[:20], strict=True):
        assert left == pytest.approx(right, rel=1e-4, abs=1e-4)
