"""Pictures of any shape become squares as the model's own program makes them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPImageProcessor

from components.errors import InputError
from components.export import sidecars
from components.models import towers
from components.models.encoder import load_encoder
from components.models.load import load_model
from components.models.preprocess import Resizing, read_resizing
from components.models.transformers_clip import read_clip_config
from components.storage.json_files import write_json
from tests.export.conftest import write_model
from tests.pretrain.conftest import TINY_VIT

WAYS = [(mode, interpolation) for mode in ("shortest", "squash") for interpolation in ("bicubic", "bilinear")]
# Both sides are whole pixels after it, so that the middle square is the same whether it is cut
# before or after.
SHAPES = [(96, 64), (64, 128), (20, 20)]


def picture(width: int, height: int) -> tuple[Image.Image, bytes]:
    image = Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return image, buffer.getvalue()


def of_open_clip(image: Image.Image, mode: str, interpolation: str) -> np.ndarray:
    """Grey levels [32, 32, 3]."""
    plain: dict[str, Any] = {"mean": (0, 0, 0), "std": (1, 1, 1)}
    said = PreprocessCfg(size=32, resize_mode=mode, interpolation=interpolation, **plain)
    return 255 * image_transform_v2(said, is_train=False)(image).permute(1, 2, 0).numpy()


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference, grey levels."""
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize(("mode", "interpolation"), WAYS)
def test_a_picture_is_prepared_as_open_clip_does(mode: str, interpolation: str) -> None:
    resizing = read_resizing({"resize_mode": mode, "interpolation": interpolation})
    for shape in [*SHAPES, *([(100, 61), (33, 70)] if mode == "squash" else [])]:
        image, data = picture(*shape)
        assert apart(resizing.square(data, 32), of_open_clip(image, mode, interpolation)) < 0.5
    other = Resizing(not resizing.squash, interpolation)
    image, data = picture(96, 64)
    assert apart(other.square(data, 32), of_open_clip(image, mode, interpolation)) > 10, "the way of resizing matters"


@pytest.mark.parametrize(("mode", "interpolation"), WAYS)
def test_pixels_are_resized_as_bytes_are(mode: str, interpolation: str) -> None:
    resizing = read_resizing({"resize_mode": mode, "interpolation": interpolation})
    image, data = picture(96, 64)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    resized = 255 * resizing.resize(pixels, 32)[0].permute(1, 2, 0).numpy()
    assert apart(resized, resizing.square(data, 32)) < 0.5


def test_without_antialiasing_a_squashed_picture_is_all_there() -> None:
    image = Image.new("RGB", (96, 32), "black")
    image.paste("white", (0, 0, 16, 32))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    whole, middle = (Resizing(squash=squash, antialias=False).square(buffer.getvalue(), 32) for squash in (True, False))
    assert whole.shape == middle.shape == (32, 32, 3)
    assert (whole[:, :4] == 255).all()
    assert (middle == 0).all()


def test_a_long_thin_picture_is_squashed_without_unfolding() -> None:
    pixels = Resizing(squash=True).square(picture(1, 400_000)[1], 64)
    assert pixels.shape == (64, 64, 3)


@pytest.mark.parametrize("said", [{"resize_mode": "longest"}, {"interpolation": "nearest"}])
def test_what_is_not_supported_is_named(said: dict[str, str], tmp_path: Path) -> None:
    ((key, value),) = said.items()
    folder = model_folder(tmp_path / "model", **said)
    with pytest.raises(InputError, match=rf"preprocess_cfg has {key} '{value}'.*name a model with '.*' or '.*'"):
        load_encoder(folder)


def model_folder(folder: Path, **said: str) -> Path:
    return write_model(folder, TINY_VIT | {"preprocess_cfg": TINY_VIT["preprocess_cfg"] | said})


@pytest.mark.parametrize(("mode", "interpolation"), WAYS)
def test_a_folder_s_own_way_holds_for_encoder_and_exported_preprocessor(
    tmp_path: Path, mode: str, interpolation: str
) -> None:
    folder = model_folder(tmp_path / "model", resize_mode=mode, interpolation=interpolation)
    image, data = picture(96, 64)
    prepared = load_encoder(folder).prepare(data)
    assert (prepared == read_resizing({"resize_mode": mode, "interpolation": interpolation}).square(data, 32)).all()

    model = load_model(folder)
    sidecars.write_preprocessor(model, tmp_path)
    values = CLIPImageProcessor.from_pretrained(tmp_path)(image, return_tensors="np")["pixel_values"][0]
    mean, std = (np.array(model.config.preprocess[part]) for part in ("mean", "std"))
    assert apart(prepared, 255 * (values.transpose(1, 2, 0) * std + mean)) < 0.5

    write_json(tmp_path / "config.json", {"model_type": "clip", "vision_config": {"image_size": 32}})
    back = read_clip_config(tmp_path).preprocess
    assert (back["resize_mode"], back["interpolation"]) == (mode, interpolation)


def test_what_a_published_tag_says_of_pictures_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ViT-S-32-alt"
    said = {"resize_mode": "squash", "interpolation": "bilinear", "mean": (0.5,) * 3, "std": (0.25,) * 3}
    file = tmp_path / "published.safetensors"
    with torch.random.fork_rng(devices=[]):
        save_file({k: v.contiguous() for k, v in open_clip.create_model(name).state_dict().items()}, file)
    monkeypatch.setattr("components.models.load.weights.fetch_published", lambda *_: file)
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: {"url": "", "hf_hub": "x/", **said})
    model = load_model(f"{name}:faked")
    assert {key: model.config.preprocess[key] for key in said} == said
    _, data = picture(100, 61)
    prepared = load_encoder(f"{name}:faked").prepare(data)
    assert (prepared == Resizing(squash=True, interpolation="bilinear").square(data, 224)).all()


def test_a_tower_that_squashed_is_trained_on_our_squares(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", resize_mode="squash", interpolation="bilinear")
    prepared = towers.read_config(str(folder)).preprocess
    assert (prepared["resize_mode"], prepared["interpolation"]) == ("shortest", "bicubic")


@pytest.mark.parametrize("size", [(1, 200_000), (200_000, 1)])
@pytest.mark.parametrize("antialias", [False, True])
def test_no_shape_makes_a_picture_unfold(size: tuple[int, int], antialias: bool) -> None:
    buffer = io.BytesIO()
    Image.new("L", size, 255).save(buffer, "PNG")
    square = Resizing(antialias=antialias).square(buffer.getvalue(), 32)
    assert (square.shape, square.min().round()) == ((32, 32, 3), 255)
