"""What a recipe reads."""

import shutil
from pathlib import Path

import pytest

from components.errors import InputError, ParameterError
from components.pretrain.sources import Sources, find_sources
from tests.pretrain.conftest import MakeParameters


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


def test_a_data_set_needs_no_validation_entities(tmp_path: Path, data: Path, make_parameters: MakeParameters) -> None:
    shutil.copytree(data / "i2e", tmp_path / "i2e", ignore=shutil.ignore_patterns("validation"))
    assert find_sources("supervised", tmp_path / "i2e", make_parameters()).validation is None


def test_an_unknown_recipe_names_the_recipes(data: Path, make_parameters: MakeParameters) -> None:
    with pytest.raises(ParameterError, match=r"no recipe 'siglip'; the recipes are clip, contrastive"):
        find_sources("siglip", data / "crawl", make_parameters())


def test_a_recipe_with_labels_on_a_crawl_says_what_it_reads(data: Path, make_parameters: MakeParameters) -> None:
    with pytest.raises(InputError, match=r"crawl/train is missing; the recipe supervised reads .*mofi curate"):
        find_sources("supervised", data / "crawl", make_parameters())
