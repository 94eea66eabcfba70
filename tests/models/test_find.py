"""Which model a location names, and what its fingerprint depends on."""

import shlex
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import mlflow
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from components.errors import InputError, SetupError
from components.models.encoder import load_encoder
from components.models.find import find_model
from components.registry.parameters import PromoteParameters
from components.registry.promote import promote
from components.storage.work import fingerprint
from tests.registry.conftest import (  # noqa: F401
    benchmark,
    empty_database,
    make_model,
    models,
    parameters,
    registry,
)
from tests.registry.test_promote import measured

SMALLEST = "ViT-S-32-alt"


def test_a_folder_counts_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    one, two, other = (make_model(tmp_path / name, "clip", seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert fingerprint(*find_model(str(one)).mark) == fingerprint(*find_model(str(two)).mark)
    assert fingerprint(*find_model(str(one)).mark) != fingerprint(*find_model(str(other)).mark)


def test_a_relative_folder_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model(tmp_path / "clip", "clip", 1)
    monkeypatch.chdir(tmp_path)
    assert find_model("clip").name == str(tmp_path / "clip")


def test_the_registry_s_champion_is_the_version_that_has_the_alias_now(
    registry: Path,  # noqa: F811
    models: Path,  # noqa: F811
    benchmark: Path,  # noqa: F811
    parameters: PromoteParameters,  # noqa: F811
) -> None:
    promote(measured(), parameters, models, benchmark)
    first = find_model("models:/mofi@champion")
    assert fingerprint(*first.mark) == fingerprint(models / "multitask")
    assert find_model("models:/mofi/1") == find_model("models:/mofi@champion") == first
    promote(measured(supervised=0.7), parameters, models, benchmark)
    second = find_model("models:/mofi@champion")
    assert fingerprint(*second.mark) == fingerprint(models / "supervised")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    theirs = load_encoder(models / "supervised").images(pixels)
    assert (load_encoder(second.name).images(pixels) == theirs).all()


@pytest.mark.parametrize("uri", ["models:/mofi@nobody", "models:/nothing/1", "models:/mofi"])
def test_a_model_that_the_registry_lacks_is_named(registry: Path, uri: str) -> None:  # noqa: F811
    with pytest.raises(InputError, match=f"the registry has no {uri}.*mofi promote"):
        find_model(uri)


def test_a_registered_model_of_another_kind_is_named(registry: Path) -> None:  # noqa: F811
    from components.registry import tracking

    tracking.connect()
    (registry / "other").mkdir()
    (registry / "other" / "weights.txt").write_text("none")
    with mlflow.start_run():
        mlflow.log_artifacts("other", "other")
        source = mlflow.get_artifact_uri("other")
    client = mlflow.MlflowClient()
    client.create_registered_model("foreign")
    client.create_model_version("foreign", source)
    with pytest.raises(InputError, match=r"holds no open_clip_config\.json"):
        find_model("models:/foreign/1")


def test_a_pickle_is_refused_and_the_named_conversion_makes_a_checkpoint_of_it(tmp_path: Path) -> None:
    weights = {"module.a": torch.arange(6.0).reshape(2, 3).T}
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "epoch_3.pt")
    with pytest.raises(InputError, match="convert it") as refused:
        find_model(f"{SMALLEST}:{tmp_path / 'epoch_3.pt'}")
    command = str(refused.value).partition("convert it: ")[2].replace("python", sys.executable, 1)
    subprocess.run(shlex.split(command), check=True)
    from safetensors.torch import load_file

    assert load_file(tmp_path / "epoch_3.safetensors")["a"].equal(weights["module.a"])


def test_a_folder_with_a_pickle_alone_is_refused_with_the_conversion(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "clip", "clip", 1)
    (folder / "open_clip_model.safetensors").rename(folder / "open_clip_pytorch_model.bin")
    with pytest.raises(InputError, match=r"has no open_clip_model\.safetensors; convert it"):
        load_encoder(folder)


def test_a_missing_checkpoint_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.safetensors is missing"):
        find_model("ViT-B-32:nowhere.safetensors")


def test_a_checkpoint_gives_an_architecture_of_open_clip_its_weights(tmp_path: Path) -> None:
    import open_clip

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = open_clip.create_model(SMALLEST)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, tmp_path / "mine.safetensors")
    found = find_model(f"{SMALLEST}:{tmp_path / 'mine.safetensors'}")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    embedded, untrained = load_encoder(found.name).images(pixels), load_encoder(SMALLEST).images(pixels)
    assert (untrained == load_encoder(SMALLEST).images(pixels)).all()
    assert not np.allclose(embedded, untrained, atol=1e-3)


def test_weights_of_another_architecture_are_named(tmp_path: Path) -> None:
    save_file({"visual.x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=rf"other\.safetensors holds no weights of {SMALLEST}"):
        load_encoder(f"{SMALLEST}:{tmp_path / 'other.safetensors'}")


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's client set to offline, and an empty cache."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_published_weights_that_cannot_be_downloaded_are_named_with_the_fix(offline: Path) -> None:
    with pytest.raises(
        SetupError, match=r"ViT-B-32:openai cannot be downloaded.*name it as ViT-B-32:FILE\.safetensors"
    ):
        find_model("ViT-B-32:openai")


def test_published_weights_of_the_cache_are_used_and_count_by_their_bytes(offline: Path) -> None:
    snapshot = offline / "models--timm--vit_base_patch32_clip_224.openai" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("0" * 40)
    (snapshot / "open_clip_model.safetensors").write_bytes(b"one")
    first = fingerprint(*find_model("ViT-B-32:openai").mark)
    (snapshot / "open_clip_model.safetensors").write_bytes(b"two")
    assert fingerprint(*find_model("ViT-B-32:openai").mark) != first


def test_an_unknown_tag_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no weights 'nobody' of ViT-B-32; its tags are: openai"):
        find_model("ViT-B-32:nobody")


@pytest.mark.parametrize(
    "name", ["models/clip", "nothing", "nothing:laion2b", "models/clip:file.safetensors", ":", "a:b:c"]
)
def test_a_model_that_is_nowhere_is_named_before_any_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is neither a model folder"):
        find_model(name)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ((), "is no model folder"),
        (("open_clip_model.safetensors",), "is no model folder"),
        (("open_clip_config.json",), "holds no weights; name another folder"),
        (("open_clip_config.json", "pytorch_model.bin"), "holds no weights; convert it"),
    ],
)
def test_a_folder_that_lacks_a_part_of_a_model_is_named_before_any_work(
    files: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=problem):
        find_model(str(tmp_path))
