"""What a training's work folder is named after."""

import shutil
from pathlib import Path

import pytest

from components.pretrain.parameters import PretrainParameters
from components.pretrain.plan import find_starting_point, training_fingerprint
from components.pretrain.sources import Sources, find_sources
from tests.pretrain.conftest import MakeParameters, write_vocabulary


def fingerprint_of(sources: Sources, parameters: PretrainParameters, recipe: str = "supervised") -> str:
    return training_fingerprint(recipe, find_starting_point(sources, parameters), parameters)


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
def test_parameters_without_effect_keep_the_fingerprint(
    data: Path, make_parameters: MakeParameters, changes: dict[str, float]
) -> None:
    sources = find_sources("supervised", data / "i2e", make_parameters())
    assert fingerprint_of(sources, make_parameters(**changes)) == fingerprint_of(sources, make_parameters())


@pytest.mark.parametrize(
    "changes",
    [{"learning_rate": 0.1}, {"seed": 9}, {"batch": 4}, {"tower": "vit"}, {"images_seen": 99}],
)
def test_effective_parameters_change_the_fingerprint(
    data: Path, make_parameters: MakeParameters, changes: dict[str, float]
) -> None:
    sources = find_sources("supervised", data / "i2e", make_parameters())
    assert fingerprint_of(sources, make_parameters(**changes)) != fingerprint_of(sources, make_parameters())


def test_another_vocabulary_changes_the_fingerprint(
    tmp_path: Path, data: Path, make_parameters: MakeParameters
) -> None:
    write_vocabulary(tmp_path / "vocabulary.parquet")
    shutil.copytree(data / "i2e" / "train", tmp_path / "train")
    same, other = (Sources(tmp_path / "train", path) for path in (data / "i2e" / "vocabulary.parquet", tmp_path / "v"))
    shutil.copy(tmp_path / "vocabulary.parquet", tmp_path / "v")
    marks = [fingerprint_of(sources, make_parameters()) for sources in (same, other)]
    assert marks[0] == marks[1], "equal bytes, wherever they are"
    (tmp_path / "v").write_bytes(b"other")
    assert fingerprint_of(other, make_parameters()) != marks[0]
