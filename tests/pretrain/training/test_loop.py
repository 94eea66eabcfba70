"""The training loop on a data set that is learnt in seconds."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from components.errors import MofiError
from components.models import towers
from components.models.encoder import Encoder, encoder_from_towers, load_encoder
from components.pretrain.job import Job
from components.pretrain.training.loop import run_worker
from components.pretrain.training.validate import validation_map
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob

MODEL = "open_clip_model.safetensors"
RECIPES = ["clip", "supervised", "contrastive", "multitask"]


def ignore(metrics: dict[str, float]) -> None:
    """Drops a report."""


def run(job: Job) -> dict[str, Any]:
    run_worker(job, ignore)
    result: dict[str, Any] = read_json(job.result)
    return result


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_learns(make_job: MakeJob, tmp_path: Path, recipe: str) -> None:
    job = make_job(recipe, tmp_path, images_seen=640, batch=16)
    curve = run(job)["curve"]
    first, last = (sum(point["loss"] for point in part) / 5 for part in (curve[:5], curve[-5:]))
    assert last < 0.8 * first


def test_supervision_retrieves_unseen_entities_better_than_an_untrained_tower(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job("supervised", tmp_path, images_seen=1280, batch=16, learning_rate=0.01)
    result = run(job)
    assert job.validation is not None
    untrained = validation_map(
        encoder_from_towers(towers.build(job.tower, job.parameters.seed).eval(), job.tower), job.validation
    )
    assert result["metrics"]["validation_map"] > untrained + 0.05
    assert validation_map(load_encoder(job.model), job.validation) == pytest.approx(
        result["metrics"]["validation_map"], abs=1e-4
    )


def test_the_figures_say_what_was_trained(make_job: MakeJob, tmp_path: Path) -> None:
    metrics = run(make_job("multitask", tmp_path))["metrics"]
    assert metrics["loss"] == pytest.approx(metrics["supervised"] + metrics["contrastive"])
    assert (metrics["step"], metrics["images_seen"], metrics["pictures"], metrics["classes"]) == (10, 80, 48, 6)
    assert metrics["dropped"] == {}
    assert metrics["parameters"]["classes"] == 6 * 16
    assert metrics["parameters"]["text_tower"] > 49408 * 16


def test_a_recipe_without_labels_has_no_classes_rather_than_none_of_them(make_job: MakeJob, tmp_path: Path) -> None:
    metrics = run(make_job("clip", tmp_path))["metrics"]
    assert metrics["classes"] is None, "a recipe that trains on texts alone has no vocabulary: null, not 0"
    assert "classes" not in metrics["parameters"]


@pytest.mark.parametrize(("recipe", "classes"), [("clip", False), ("multitask", True)])
def test_the_model_folder_holds_what_the_formats_say(
    make_job: MakeJob, tmp_path: Path, recipe: str, classes: bool
) -> None:
    job = make_job(recipe, tmp_path)
    run(job)
    assert {path.name for path in job.model.iterdir()} == {MODEL, "open_clip_config.json", "mofi.json"} | (
        {"classes.safetensors", "classes.json"} if classes else set()
    )
    card = read_json(job.model / "mofi.json")
    assert (card["recipe"], card["images_seen"], card["seed"], card["text_tower_trained"]) == (recipe, 80, 3, True)
    if classes:
        assert read_json(job.model / "classes.json") == [f"Q{n + 1}" for n in range(6)]
        assert load_file(job.model / "classes.safetensors")["weight"].shape == (6, 16)


def test_the_same_job_gives_the_same_bytes(make_job: MakeJob, tmp_path: Path) -> None:
    jobs = [make_job("multitask", tmp_path / name) for name in ("one", "two")]
    results = [run(job) for job in jobs]
    assert results[0] == results[1]
    assert (jobs[0].model / MODEL).read_bytes() == (jobs[1].model / MODEL).read_bytes()


def test_supervised_leaves_the_text_tower_as_drawn(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("supervised", tmp_path)
    run(job)
    drawn = towers.build(job.tower, job.parameters.seed).state_dict()
    trained = load_file(job.model / MODEL)
    still = {name for name in drawn if torch.equal(drawn[name], trained[name])}
    assert {name for name in drawn if not name.startswith("visual.")} <= still
    assert "visual.conv1.weight" not in still
    assert read_json(job.model / "mofi.json")["text_tower_trained"] is False


def test_clip_does_not_see_labels(make_job: MakeJob, tmp_path: Path, caches: dict[str, Path]) -> None:
    """The same pictures with and without labels train the same CLIP."""
    plain = make_job("clip", tmp_path / "plain")
    labelled = Job(**vars(plain) | {"cache": caches["train"], "work": tmp_path / "labelled"})
    unlabelled = Job(**vars(plain) | {"cache": strip(caches["train"], tmp_path / "cache"), "work": tmp_path / "bare"})
    for job in (labelled, unlabelled):
        job.work.mkdir()
        run(job)
    assert (labelled.model / MODEL).read_bytes() == (unlabelled.model / MODEL).read_bytes()


def strip(cache: Path, out: Path) -> Path:
    """A cache without its entities."""
    import shutil

    import pyarrow as pa
    import pyarrow.parquet as pq

    from components.pretrain.data.picture_cache import SAMPLE_SCHEMA

    out.mkdir()
    for path in sorted(cache.glob("*.npy")):
        shutil.copy(path, out)
    for path in sorted(cache.glob("*.parquet")):
        rows = [row | {"entities": []} for row in pq.read_table(path).to_pylist()]
        pq.write_table(pa.Table.from_pylist(rows, schema=SAMPLE_SCHEMA), out / path.name)
    return out


def test_averaging_can_be_switched_off(make_job: MakeJob, tmp_path: Path) -> None:
    models = []
    for decay in (0.0, 0.9):
        job = make_job("supervised", tmp_path / str(decay), average_decay=decay)
        run(job)
        models.append(load_file(job.model / MODEL))
    assert not torch.equal(models[0]["visual.conv1.weight"], models[1]["visual.conv1.weight"])


def test_a_loss_that_is_not_finite_names_recipe_loss_and_step(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("multitask", tmp_path, learning_rate=1e30, gradient_clip=1e30)
    with pytest.raises(MofiError, match=r"multitask: the \w+ loss is \S+ at step \d+; lower pretrain.learning_rate"):
        run_worker(job, ignore)


def test_the_validation_entities_can_be_watched(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="components.pretrain"):
        run(make_job("supervised", tmp_path, validate_every=4))
    lines = [record.getMessage() for record in caplog.records if "validation mAP" in record.getMessage()]
    assert [line.rpartition("after ")[2] for line in lines[:2]] == ["step 4", "step 8"]
    assert len(lines) == 3


def test_validation_during_training_uses_few_pictures(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of whole entities, so that each picture has others to retrieve."""
    job = make_job("supervised", tmp_path)
    assert job.validation is not None
    sizes: list[int] = []

    images = Encoder.images

    def counted(self: Encoder, pictures: Any) -> Any:
        sizes.append(len(pictures))
        return images(self, pictures)

    monkeypatch.setattr(Encoder, "images", counted)
    encoder = encoder_from_towers(towers.build(job.tower, 1).eval(), job.tower)
    for most in (None, 17, 12, 3):
        assert 0 <= validation_map(encoder, job.validation, most) <= 1
    assert sizes == [18, 12, 12, 6], "six pictures of each of three entities"


def test_reports_come_with_every_checkpoint(make_job: MakeJob, tmp_path: Path) -> None:
    reports: list[dict[str, float]] = []
    run_worker(make_job("clip", tmp_path), reports.append)
    assert [report["step"] for report in reports] == [4, 8, 10]
