"""What a stage's MLflow run holds, and how a logged model loads."""

import io
import subprocess
import time
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from PIL import Image

from components.errors import InputError, SetupError
from components.models.encoder import load_encoder
from components.registry import model, runs, tracking
from components.registry.parameters import PromoteParameters
from components.registry.provenance import digest, dvc_hash
from components.registry.runs import stage_run
from components.storage.json_files import write_json

LOCK = """
schema: '2.0'
stages:
  crawl:
    cmd: mofi crawl
    outs:
    - path: data/crawl
      md5: 0123456789abcdef0123456789abcdef.dir
"""


def test_a_run_holds_parameters_metrics_curves_commit_and_inputs(
    registry: Path, parameters: PromoteParameters, tmp_path: Path
) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK, encoding="utf-8")
    (tmp_path / "data" / "crawl").mkdir(parents=True)
    write_json(tmp_path / "metrics" / "x.json", {"a": {"b": 0.5}, "name": "word", "flag": True, "list": [1]})
    (tmp_path / "x.csv").write_text("step,images_seen,loss\n1,10,3.0\n2,20,2.5\n", encoding="utf-8")
    with stage_run("x", parameters, inputs=[Path("data/crawl"), Path("data/other")]) as run:
        run.log_metrics(Path("metrics/x.json"))
        run.log_curves(Path("x.csv"))
    stored = mlflow.get_run(run.id)
    assert stored.info.status == "FINISHED"
    assert stored.data.params["least_over_baseline"] == "1.2"
    assert stored.data.metrics["a.b"] == 0.5
    assert not {"name", "flag", "list"} & set(stored.data.metrics)
    assert [(m.step, m.value) for m in mlflow.MlflowClient().get_metric_history(run.id, "curve.loss")] == [
        (10, 3.0),
        (20, 2.5),
    ]
    assert stored.data.tags["mlflow.source.git.commit"]
    inputs = {i.dataset.name: i.dataset.digest for i in stored.inputs.dataset_inputs}
    assert inputs == {"data/crawl": "0123456789abcdef0123456789abcdef.dir", "data/other": "unversioned"}


def test_the_experiment_is_one_of_model_training_and_a_kind_that_somebody_chose_stays(registry: Path) -> None:
    client, kind = mlflow.MlflowClient(), "mlflow.experimentKind"
    experiment = tracking.connect()
    assert client.get_experiment(experiment).tags[kind] == "custom_model_development"
    client.set_experiment_tag(experiment, kind, "finetuning")
    assert tracking.connect() == experiment
    assert client.get_experiment(experiment).tags[kind] == "finetuning"


def test_an_experiment_of_an_earlier_release_gets_its_kind(registry: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{tracking.DATABASE.absolute()}")
    old = mlflow.create_experiment(tracking.EXPERIMENT)
    assert tracking.connect() == old
    assert mlflow.get_experiment(old).tags["mlflow.experimentKind"] == "custom_model_development"


def test_a_stage_that_raises_is_a_failed_run(registry: Path, parameters: PromoteParameters) -> None:
    with pytest.raises(RuntimeError, match="broken"), stage_run("x", parameters) as run:
        raise RuntimeError("broken")
    assert mlflow.get_run(run.id).info.status == "FAILED"


def test_the_machine_s_load_is_sampled_while_a_stage_runs(
    registry: Path, parameters: PromoteParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_SAMPLE_EVERY", 0.2)
    with stage_run("x", parameters) as run:
        until = time.monotonic() + 20
        while (
            time.monotonic() < until and "system/cpu_utilization_percentage" not in mlflow.get_run(run.id).data.metrics
        ):
            time.sleep(0.1)
    assert "system/cpu_utilization_percentage" in mlflow.get_run(run.id).data.metrics


def test_a_logged_model_holds_no_pickle_and_embeds_as_the_model_folder_does(
    registry: Path, models: Path, parameters: PromoteParameters
) -> None:
    with stage_run("x", parameters) as run:
        uri = run.log_model(models / "clip")
    stored = sorted(p.name for p in (registry / "mlartifacts" / "models").rglob("*") if p.is_file())
    assert "open_clip_model.safetensors" in stored
    assert not [name for name in stored if name.endswith((".pkl", ".pickle", ".pt", ".pth", ".bin"))]
    loaded = mlflow.pyfunc.load_model(uri)
    pictures = odd_pictures()
    embedded = loaded.predict(pd.DataFrame({"image": list(pictures.values())}))
    encoder = load_encoder(models / "clip")
    expected = encoder.images(np.stack([encoder.prepare(data) for data in pictures.values()]))
    for name, one, other in zip(pictures, embedded, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4, err_msg=name)
    assert len(np.unique(embedded.round(3), axis=0)) > len(pictures) // 2, "the pictures differ"
    assert loaded.metadata.signature.inputs.input_names() == ["image"], "no file of the serving machine can be named"
    Path("picture.png").write_bytes(pictures["grey, alpha"])
    with pytest.raises(MlflowException, match="image"):
        loaded.predict(pd.DataFrame({"path": ["picture.png"]}))


def odd_pictures() -> dict[str, bytes]:
    """What decoders differ on: orientations, depths, transparency, inks, palettes, frames."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (4, 6, 3), dtype=np.uint8).repeat(12, axis=0).repeat(9, axis=1)
    image = Image.fromarray(blocks)
    deep = Image.fromarray(random.integers(0, 65536, (40, 60)).astype(np.uint16))
    seen = Image.fromarray(random.integers(0, 256, (48, 54), dtype=np.uint8))
    frames = [image.transpose(Image.Transpose.ROTATE_180)]
    pictures = {
        "16-bit grey": encoded(deep, "PNG"),
        "grey, alpha": encoded(Image.merge("LA", (image.convert("L"), seen)), "PNG"),
        "CMYK": encoded(image.convert("CMYK"), "JPEG"),
        "palette": encoded(image.quantize(16), "PNG", transparency=3),
        "animation": encoded(image, "GIF", save_all=True, append_images=frames),
    }
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        pictures[f"orientation {orientation}"] = encoded(image, "JPEG", exif=exif, quality=95)
    return pictures


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_logged_model_is_found_again_by_its_bytes(
    registry: Path, models: Path, parameters: PromoteParameters
) -> None:
    with stage_run("x", parameters) as run:
        uri = run.log_model(models / "clip")
    assert model.find(digest(models / "clip")) == uri
    assert model.find(digest(models / "multitask")) is None


def test_a_server_that_does_not_answer_is_an_error_at_once(
    registry: Path, parameters: PromoteParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    begin = time.monotonic()
    with pytest.raises(SetupError, match=r"http://127.0.0.1:9.*unset the variable"), stage_run("x", parameters):
        pass
    assert time.monotonic() - begin < 6


def test_outputs_come_before_dependencies_in_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    lock.write_text(
        "stages:\n  late:\n    deps:\n    - {path: d, md5: old}\n  early:\n    outs:\n    - {path: d, md5: new}\n",
        encoding="utf-8",
    )
    assert dvc_hash(Path("d"), lock) == "new"
    assert dvc_hash(Path("e"), lock) == "unversioned"
    assert dvc_hash(Path("d"), tmp_path / "none") == "unversioned"


def test_equal_folders_have_equal_digests(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"same")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    (tmp_path / "two" / "file").write_bytes(b"other")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")


def test_outside_a_repository_the_commit_is_unversioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("MOFI_COMMIT", raising=False)
    assert runs.git_commit() == {"mlflow.source.git.commit": "unversioned"}
    subprocess.run(["git", "init", "-q"], check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    assert len(runs.git_commit()["mlflow.source.git.commit"]) == 40


def test_in_an_image_the_commit_is_the_one_that_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("MOFI_COMMIT", "0123abcd")
    assert runs.git_commit() == {"mlflow.source.git.commit": "0123abcd"}


def test_a_curve_without_images_seen_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("step,loss\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="images_seen"):
        runs.read_curves(tmp_path / "x.csv")
