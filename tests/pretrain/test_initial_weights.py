"""The weights that a training starts from."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from components.cli.commands.export import Format
from components.errors import InputError
from components.export.export import export_model
from components.models import towers
from components.pretrain import initial_weights
from components.pretrain.sources import find_sources
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.export.conftest import write_model
from tests.pretrain.conftest import TINY_VIT, MakeJob, MakeParameters
from tests.pretrain.test_plan import fingerprint_of
from tests.pretrain.training.test_loop import MODEL, ignore
from tests.registry.conftest import TINY


@pytest.fixture
def model(tower_files: dict[str, Path]) -> torch.nn.Module:
    return towers.build(towers.read_config(str(tower_files["resnet"])), seed=1)


@pytest.fixture
def other(tower_files: dict[str, Path]) -> dict[str, Tensor]:
    """Tensors of the same tower, drawn from another seed."""
    tensors = towers.build(towers.read_config(str(tower_files["resnet"])), seed=2).state_dict()
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def load(model: torch.nn.Module, tensors: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """The model's tensors after loading those of a file."""
    save_file(tensors, file)
    found = initial_weights.find_initial_weights(str(file))
    assert found is not None
    initial_weights.load_initial_weights(model, found)
    return dict(model.state_dict())


@pytest.mark.parametrize("precision", [torch.float32, torch.float16, torch.bfloat16])
def test_a_checkpoint_of_any_precision_becomes_float32(
    model: torch.nn.Module, other: dict[str, Tensor], tmp_path: Path, precision: torch.dtype
) -> None:
    half = {name: t.to(precision) if t.is_floating_point() else t for name, t in other.items()}
    own = load(model, half, tmp_path / "x.safetensors")
    assert own["visual.conv1.weight"].dtype == torch.float32
    assert all(torch.equal(own[name], half[name].to(own[name].dtype)) for name in own)


@pytest.mark.parametrize("prefix", ["visual.", ""])
def test_an_image_tower_alone_is_enough_and_the_log_says_so(
    model: torch.nn.Module, other: dict[str, Tensor], tmp_path: Path, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    drawn = model.get_parameter("token_embedding.weight").detach().clone()
    seen = {prefix + k.removeprefix("visual."): t for k, t in other.items() if k.startswith("visual.")}
    with caplog.at_level(logging.INFO):
        own = load(model, seen, tmp_path / "x.safetensors")
    assert torch.equal(own["visual.conv1.weight"], other["visual.conv1.weight"])
    assert torch.equal(own["token_embedding.weight"], drawn)
    assert "x.safetensors holds no text tower; it starts with random weights" in caplog.text


def test_names_that_wrappers_put_before_others_do_not_matter(
    model: torch.nn.Module, other: dict[str, Tensor], tmp_path: Path
) -> None:
    own = load(model, {f"module.{name}": t for name, t in other.items()}, tmp_path / "x.safetensors")
    assert torch.equal(own["ln_final.weight"], other["ln_final.weight"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            lambda t: t | {"visual.attnpool.other": torch.zeros(1)},
            r"holds visual\.attnpool\.other, which the tower does not have",
        ),
        (lambda t: {k: v for k, v in t.items() if k != "ln_final.bias"}, r"lacks ln_final\.bias"),
        (
            lambda t: t | {"visual.conv1.weight": torch.zeros(9, 3, 3, 3)},
            r"has visual\.conv1\.weight of shape \(9, 3, 3, 3\), where the tower has \(\d+, 3, 3, 3\)",
        ),
    ],
    ids=["unknown", "missing", "shape"],
)
def test_a_tensor_that_does_not_fit_is_named(
    model: torch.nn.Module, other: dict[str, Tensor], tmp_path: Path, change: object, problem: str
) -> None:
    with pytest.raises(
        InputError, match=rf"x\.safetensors {problem}; set pretrain\.initial to weights of pretrain\.tower"
    ):
        load(model, change(other), tmp_path / "x.safetensors")


def test_a_pickle_is_refused_with_the_command_that_converts_it(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(InputError, match=r"convert it: python -c .*open_clip_pytorch_model\.safetensors"):
        initial_weights.find_initial_weights(str(tmp_path / "open_clip_pytorch_model.bin"))


@pytest.mark.parametrize("location", ["ViT-B-32", "missing/folder"])
def test_what_is_not_a_folder_is_refused(location: str) -> None:
    with pytest.raises(InputError, match=rf"pretrain\.initial is '{location}', which is not a folder"):
        initial_weights.find_initial_weights(location)


def test_a_clip_of_transformers_is_taken_under_our_names(tmp_path: Path, tower_files: dict[str, Path]) -> None:
    folder = write_model(tmp_path / "model", TINY_VIT)
    export_model(str(folder), Format.HF, tmp_path / "clip")
    model = towers.build(towers.read_config(str(tower_files["vit"])), seed=1)
    found = initial_weights.find_initial_weights(str(tmp_path / "clip"))
    assert found is not None
    initial_weights.load_initial_weights(model, found)
    expected = load_file(folder / MODEL)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


def test_a_training_starts_from_a_finished_model(make_job: MakeJob, tmp_path: Path) -> None:
    """With a tiny learning rate the weights stay, and the card names where they came from."""
    folder = write_model(tmp_path / "found", TINY)
    found = initial_weights.find_initial_weights(str(folder))
    job = make_job("contrastive", tmp_path / "work", learning_rate=1e-12, initial=str(folder), average_decay=0.0)
    run_worker(replace(job, initial=found), ignore)
    before, after = load_file(folder / MODEL), load_file(job.model / MODEL)
    for name, tensor in before.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(after[name], tensor, atol=1e-6, rtol=0)
    assert found is not None
    assert read_json(job.model / "mofi.json")["initial"] == {"location": str(folder), "fingerprint": found.mark}


def test_the_fingerprint_counts_what_the_weights_are_not_where_they_lie(
    data: Path, make_parameters: MakeParameters, tmp_path: Path
) -> None:
    one, other = (write_model(tmp_path / str(seed), TINY, seed) for seed in (1, 2))
    copy = Path(shutil.copytree(one, tmp_path / "copy"))
    sources = find_sources("supervised", data / "i2e", make_parameters())
    marks = [fingerprint_of(sources, make_parameters(initial=str(folder))) for folder in (one, copy, other)]
    assert marks[0] == marks[1]
    assert len({*marks, fingerprint_of(sources, make_parameters())}) == 3
