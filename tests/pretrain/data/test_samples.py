"""Which pictures a recipe trains on."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.pretrain.data.picture_cache import DecodedPictures
from components.pretrain.data.samples import select_samples
from components.pretrain.data.vocabulary import Vocabulary, read_vocabulary
from components.pretrain.recipe import make_recipe
from tests.pretrain.conftest import NAMES, MakeParameters


def test_the_training_entities_are_the_classes_in_file_order(data: Path) -> None:
    vocabulary = read_vocabulary(data / "i2e" / "vocabulary.parquet")
    assert vocabulary.entity_ids == [f"Q{n + 1}" for n in range(6)]
    assert vocabulary.labels == NAMES[:6]


def test_a_missing_vocabulary_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.parquet is missing.*mofi curate"):
        read_vocabulary(tmp_path / "none.parquet")


def test_a_vocabulary_without_training_entities_is_an_error(tmp_path: Path) -> None:
    row = {"entity_id": "Q1", "label": "crab", "description": "", "images": 5, "split": "validation"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "v.parquet")
    with pytest.raises(InputError, match="no training entity"):
        read_vocabulary(tmp_path / "v.parquet")


def test_a_file_that_is_no_vocabulary_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"entity_id": ["Q1"]}), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"v.parquet has no column label, description, split"):
        read_vocabulary(tmp_path / "v.parquet")


def test_pictures_without_a_class_are_dropped_and_counted(
    train_pictures: DecodedPictures, make_parameters: MakeParameters
) -> None:
    few = Vocabulary(["Q1", "Q3"], ["crab", "mango"], ["", ""])
    samples = select_samples(train_pictures, make_recipe("supervised", make_parameters(max_error_share=0.7)), few)
    assert len(samples) == 16
    assert samples.dropped == {"no_class": 32}
    assert samples.classes is not None
    assert set(samples.classes.ravel().tolist()) == {0, 1}


def test_a_vocabulary_of_another_data_set_is_an_error(
    train_pictures: DecodedPictures, make_parameters: MakeParameters
) -> None:
    other = Vocabulary(["Q1", "Q99"], ["crab", "mango"], ["", ""])
    with pytest.raises(InputError, match=r"40 of 48 pictures show no training entity .*one shows Q2.*not from one run"):
        select_samples(train_pictures, make_recipe("supervised", make_parameters()), other)


def test_an_entity_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    row = {"entity_id": "Q1", "label": "crab", "description": "", "images": 5, "split": "train"}
    pq.write_table(pa.Table.from_pylist([row, row]), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"v.parquet has Q1 more than once"):
        read_vocabulary(tmp_path / "v.parquet")


def test_no_picture_left_is_an_error(train_pictures: DecodedPictures, make_parameters: MakeParameters) -> None:
    with pytest.raises(InputError, match=r"no picture is left for the recipe supervised.*no_class"):
        select_samples(train_pictures, make_recipe("supervised", make_parameters()), Vocabulary(["Q999"], ["x"], [""]))


def test_clip_ignores_labels(train_pictures: DecodedPictures, make_parameters: MakeParameters) -> None:
    samples = select_samples(train_pictures, make_recipe("clip", make_parameters()), None)
    assert samples.classes is None
    assert len(samples) == len(train_pictures)


def test_clip_drops_pictures_without_an_alt_text(caches: dict[str, Path], make_parameters: MakeParameters) -> None:
    pictures = DecodedPictures(caches["crawl"])
    pictures.alt_texts[3] = "  "
    samples = select_samples(pictures, make_recipe("clip", make_parameters()), None)
    assert len(samples) == len(pictures) - 1
    assert samples.dropped == {"no_alt_text": 1}
