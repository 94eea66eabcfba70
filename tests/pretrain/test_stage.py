"""The stage through Ray Train and MLflow."""

import shutil
import threading
from pathlib import Path

import mlflow
import psutil
import pytest

from components.errors import MofiError, ParameterError, SetupError
from components.pretrain import plan
from components.pretrain.ray_train import trainer
from components.pretrain.stage import pretrain_recipe
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.export.conftest import write_model
from tests.pretrain.conftest import MakeJob, MakeParameters
from tests.pretrain.training.test_loop import MODEL, ignore
from tests.processes import command_line
from tests.registry.conftest import TINY, empty_database, registry  # noqa: F401 - fixtures

ENOUGH = {"images_seen": 800, "checkpoint_every": 10, "batch": 8}


class KillWorker(threading.Thread):
    """Kills the first Ray Train worker of this process's Ray as soon as there is a checkpoint."""

    def __init__(self, work: Path) -> None:
        super().__init__(daemon=True)
        self.work, self.killed, self.end = work, False, threading.Event()

    def run(self) -> None:
        while not self.killed and not self.end.wait(0.02):
            if any(self.work.glob("*/checkpoints/*/manifest.json")):
                for process in psutil.Process().children(recursive=True):
                    if "RayTrainWorker" in command_line(process):
                        process.kill()
                        self.killed = True


@pytest.mark.usefixtures("ray_cluster", "registry")
def test_a_killed_worker_changes_nothing_in_the_stage_s_outputs(
    data: Path, make_job: MakeJob, make_parameters: MakeParameters, tmp_path: Path
) -> None:
    shutil.copytree(data, tmp_path / "data")
    killer = KillWorker(tmp_path / ".work" / "pretrain_multitask")
    killer.start()
    measures = pretrain_recipe("multitask", Path("data/i2e"), None, make_parameters(**ENOUGH))
    killer.end.set()
    killer.join()
    assert killer.killed

    undisturbed = make_job("multitask", tmp_path / "undisturbed", **ENOUGH)
    run_worker(undisturbed, ignore)
    for path in undisturbed.model.iterdir():
        assert (Path("models/multitask") / path.name).read_bytes() == path.read_bytes()
    assert read_json(undisturbed.result)["metrics"] == measures == read_json(Path("metrics/pretrain_multitask.json"))
    assert Path("metrics/curves/multitask.csv").read_text(encoding="utf-8").startswith("images_seen,step,loss,")
    assert not list(Path(".work/pretrain_multitask").iterdir())

    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert run.info.status == "FINISHED"
    assert run.data.metrics["loss"] == pytest.approx(measures["loss"])
    assert run.data.params["learning_rate"] == "0.005"
    assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "curve.loss")) == 100
    assert [item.dataset.name for item in run.inputs.dataset_inputs] == ["data/i2e"]
    assert len(run.outputs.model_outputs) == 1


@pytest.mark.usefixtures("ray_cluster", "registry")
def test_an_mlflow_run_is_resumed_only_with_the_same_initial_weights(
    data: Path, make_parameters: MakeParameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (str(write_model(tmp_path / f"initial-{seed}", TINY, seed)) for seed in (1, 2))
    listed: list[object] = []
    sources_fingerprint = plan.sources_fingerprint
    monkeypatch.setattr(
        plan, "sources_fingerprint", lambda sources: listed.append(sources) or sources_fingerprint(sources)
    )

    def killed(_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(trainer, "fit", killed)
    for folder in (one, one, other):
        with pytest.raises(RuntimeError, match="killed"):
            # The parameters are the same each time; the weights are replaced.
            shutil.copytree(folder, tmp_path / "initial", dirs_exist_ok=True)
            pretrain_recipe("clip", data / "crawl", None, make_parameters(initial=str(tmp_path / "initial")))
    assert len(listed) == 3, "once a run"
    assert len(mlflow.search_runs(search_all_experiments=True, output_format="list")) == 2


@pytest.mark.usefixtures("ray_cluster")
def test_an_error_that_the_user_must_fix_is_raised_without_a_retry(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("supervised", tmp_path / "work", learning_rate=1e30, gradient_clip=1e30)
    with pytest.raises(MofiError, match=r"supervised: the supervised loss is .*lower pretrain.learning_rate") as caught:
        trainer.fit(job)
    assert caught.value.__cause__ is None, "Ray saw no failure to retry"


@pytest.mark.usefixtures("ray_cluster")
def test_more_workers_than_the_cluster_has_cpus_is_an_error_at_once(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"pretrain.workers is 4096"):
        trainer.fit(make_job("clip", tmp_path / "work", workers=4096, min_workers=4096, batch=4096))


@pytest.mark.usefixtures("registry")
def test_an_unknown_recipe_is_an_error_before_anything_is_written(make_parameters: MakeParameters) -> None:
    with pytest.raises(ParameterError, match="no recipe 'siglip'"):
        pretrain_recipe("siglip", None, None, make_parameters())
    assert not Path(".work").exists()


@pytest.mark.usefixtures("registry")
def test_a_tracking_server_that_does_not_answer_is_an_error_before_anything_is_trained(
    data: Path, make_parameters: MakeParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(SetupError, match="MLFLOW_TRACKING_URI"):
        pretrain_recipe("clip", data / "crawl", None, make_parameters())
    assert not Path(".work").exists()


@pytest.mark.usefixtures("registry")
def test_the_model_folder_appears_complete(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("clip", tmp_path / "work")
    (job.work / "model.part").mkdir()
    run_worker(job, ignore)
    assert (job.model / MODEL).is_file()
    assert not (job.work / "model.part").exists()
