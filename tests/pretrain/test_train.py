"""What a recipe reads, what its work folder is named after, and the hand-over of what was trained."""

import shutil
from pathlib import Path

import pytest

from components.errors import InputError, ParameterError
from components.pretrain import train
from components.pretrain.parameters import PretrainParameters
from components.pretrain.train import Sources, find_sources
from components.pretrain.training.loop import run_worker
from tests.pretrain.conftest import MakeJob, MakeParameters, write_vocabulary
from tests.pretrain.training.test_loop import MODEL, ignore


def mark_of(sources: Sources, parameters: PretrainParameters) -> str:
    return train.fingerprint(train.look(sources, parameters), parameters)


def test_clip_reads_shards_and_the_others_the_data_set(data: Path, make_parameters: MakeParameters) -> None:
    assert find_sources("clip", data / "crawl", make_parameters()) == Sources(data / "crawl")
    i2e = data / "i2e"
    assert find_sources("multitask", i2e, make_parameters()) == Sources(
        i2e / "train", i2e / "vocabulary.parquet", i2e / "validation"
    )


def test_a_folder_s_url_means_what_its_path_does(data: Path, make_parameters: MakeParameters) -> None:
    for recipe, folder in (("clip", data / "crawl"), ("multitask", data / "i2e")):
        assert find_sources(recipe, f"file://{folder}", make_parameters()) == find_sources(
            recipe, folder, make_parameters()
        )


def test_a_data_set_without_validation_entities_will_do(
    tmp_path: Path, data: Path, make_parameters: MakeParameters
) -> None:
    shutil.copytree(data / "i2e", tmp_path / "i2e", ignore=shutil.ignore_patterns("validation"))
    assert find_sources("supervised", tmp_path / "i2e", make_parameters()).validation is None


def test_an_unknown_recipe_names_the_recipes(data: Path, make_parameters: MakeParameters) -> None:
    with pytest.raises(ParameterError, match=r"no recipe 'siglip'; the recipes are clip, contrastive"):
        find_sources("siglip", data / "crawl", make_parameters())


def test_a_recipe_with_labels_on_a_crawl_says_what_it_reads(data: Path, make_parameters: MakeParameters) -> None:
    with pytest.raises(InputError, match=r"crawl/train is missing; the recipe supervised reads .*mofi curate"):
        find_sources("supervised", data / "crawl", make_parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {"threads": 2},
        {"log_every": 1.0},
        {"prefetch": 1},
        {"checkpoint_every": 9},
        {"validate_every": 3},
        {"max_failures": 0},
        {"workers": 2},
        {"accumulate": 2},
        {"min_workers": 2, "workers": 4},
        {"keep_checkpoints": 9},
        {"keep_every": 100},
        {"checkpoints": "s3://bucket"},
        {"divergence": 99.0},
    ],
)
def test_knobs_without_effect_do_not_start_anew(
    data: Path, make_parameters: MakeParameters, changes: dict[str, float]
) -> None:
    sources = find_sources("supervised", data / "i2e", make_parameters())
    assert mark_of(sources, make_parameters(**changes)) == mark_of(sources, make_parameters())


@pytest.mark.parametrize(
    "changes",
    [{"learning_rate": 0.1}, {"seed": 9}, {"batch": 4}, {"tower": "vit"}, {"images_seen": 99}],
)
def test_knobs_with_effect_do(data: Path, make_parameters: MakeParameters, changes: dict[str, float]) -> None:
    sources = find_sources("supervised", data / "i2e", make_parameters())
    assert mark_of(sources, make_parameters(**changes)) != mark_of(sources, make_parameters())


def test_another_vocabulary_does(tmp_path: Path, data: Path, make_parameters: MakeParameters) -> None:
    write_vocabulary(tmp_path / "vocabulary.parquet")
    shutil.copytree(data / "i2e" / "train", tmp_path / "train")
    same, other = (Sources(tmp_path / "train", path) for path in (data / "i2e" / "vocabulary.parquet", tmp_path / "v"))
    shutil.copy(tmp_path / "vocabulary.parquet", tmp_path / "v")
    marks = [mark_of(sources, make_parameters()) for sources in (same, other)]
    assert marks[0] == marks[1], "equal bytes, wherever they lie"
    (tmp_path / "v").write_bytes(b"other")
    assert mark_of(other, make_parameters()) != marks[0]


def test_a_finished_training_is_only_handed_over_however_often_that_is_repeated(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job("multitask", tmp_path / "work")
    run_worker(job, ignore)
    out, curve = tmp_path / "models" / "multitask", tmp_path / "metrics" / "curves" / "multitask.csv"
    metrics = train.train(job, out, curve)
    rows = curve.read_text(encoding="utf-8").splitlines()
    assert rows[0] == (
        "images_seen,step,loss,alignment,contrastive,logit_scale,margin_satisfied,supervised,text_alignment,uniformity,"
        "validation_map,gradient_norm,learning_rate"
    )
    assert len(rows) == 11
    weights, text = (out / MODEL).read_bytes(), curve.read_text(encoding="utf-8")
    shutil.rmtree(out)  # as DVC does before it runs a stage again
    assert train.train(job, out, curve) == metrics
    assert ((out / MODEL).read_bytes(), curve.read_text(encoding="utf-8")) == (weights, text)
    train.finish(job)
    assert not job.work.exists()
