"""Towers load with open_clip alone and embed there as they do here."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from components.errors import InputError, ParameterError
from components.models import towers
from components.models.encoder import encoder_from_towers, load_encoder
from components.models.text_encoding import encode_texts
from components.models.tokenizer import make_tokenizer
from components.pretrain.checkpoints.state import save_tensors
from components.storage.json_files import write_json

TEXTS = ["crab", "a crane, a machine that lifts what is heavy", "", "wharf"]


def saved(folder: Path, tower: Path) -> torch.nn.Module:
    config = towers.read_config(str(tower))
    model = towers.build(config, seed=4)
    folder.mkdir()
    save_tensors(dict(model.state_dict()), folder / "open_clip_model.safetensors")
    write_json(folder / "open_clip_config.json", config.to_json())
    return model.eval()


@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_open_clip_alone_loads_a_model_folder_with_equal_embeddings(
    tmp_path: Path, tower_files: dict[str, Path], kind: str
) -> None:
    ours = saved(tmp_path / "model", tower_files[kind])
    theirs = open_clip.create_model(f"local-dir:{tmp_path / 'model'}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'model'}")(TEXTS)
    pictures = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(ours.encode_image(pictures), theirs.encode_image(pictures), atol=1e-5, rtol=0)
        torch.testing.assert_close(ours.encode_text(tokens), theirs.encode_text(tokens), atol=1e-5, rtol=0)


def test_an_encoder_from_a_folder_is_the_one_in_memory(tmp_path: Path, tower_files: dict[str, Path]) -> None:
    model = saved(tmp_path / "model", tower_files["resnet"])
    memory, folder = (
        encoder_from_towers(model, towers.read_config(str(tower_files["resnet"]))),
        load_encoder(tmp_path / "model"),
    )
    pictures = np.random.default_rng(0).integers(0, 256, (3, 50, 40, 3)).astype(np.uint8)
    np.testing.assert_allclose(memory.images(pictures), folder.images(pictures), atol=1e-5)
    np.testing.assert_allclose(memory.texts(TEXTS), folder.texts(TEXTS), atol=1e-5)
    assert memory.image_size == folder.image_size == 32
    np.testing.assert_allclose(np.linalg.norm(folder.images(pictures), axis=1), 1, atol=1e-5)


def test_texts_without_their_padding_have_the_embeddings_and_gradients_of_open_clip(
    tower_files: dict[str, Path],
) -> None:
    config = towers.read_config(str(tower_files["resnet"]))
    model, plain = towers.build(config, seed=2), towers.build(config, seed=2)
    tokens = make_tokenizer(config)([*TEXTS, "a text that is longer than the eight tokens of the tower's context"])
    short, full = encode_texts(model, tokens), plain.encode_text(tokens, normalize=True)
    torch.testing.assert_close(short, full, atol=1e-5, rtol=0)
    weight = torch.randn(full.shape, generator=torch.Generator().manual_seed(1))
    (short * weight).sum().backward()
    (full * weight).sum().backward()
    for (name, one), (_, two) in zip(model.named_parameters(), plain.named_parameters(), strict=True):
        if two.grad is not None:
            torch.testing.assert_close(one.grad, two.grad, atol=1e-5, rtol=1e-4, msg=name)


def test_weights_come_from_the_seed_alone(tower_files: dict[str, Path]) -> None:
    config = towers.read_config(str(tower_files["resnet"]))
    torch.manual_seed(1)
    first = towers.build(config, seed=7).state_dict()
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1)), "the global generator is left as it was"
    second, other = towers.build(config, seed=7).state_dict(), towers.build(config, seed=8).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["text_projection"], other["text_projection"])


def test_a_built_in_name_of_open_clip_is_a_tower() -> None:
    config = towers.read_config("RN50")
    assert (config.image_size, config.context_length, config.width) == (224, 77, 1024)


@pytest.mark.parametrize("name", ["resnet-tiny", "missing.json"])
def test_an_unknown_tower_names_what_there_is(name: str) -> None:
    with pytest.raises(ParameterError, match=rf"pretrain.tower is '{name}'.*resnet-small"):
        towers.read_config(name)


def test_a_config_file_without_its_parts_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"model_cfg": {}}', encoding="utf-8")
    with pytest.raises(ParameterError, match=r"x.json is not a tower config .*preprocess_cfg"):
        towers.read_config(str(tmp_path / "x.json"))


def test_a_tower_with_a_caption_decoder_is_refused() -> None:
    with pytest.raises(ParameterError, match="caption decoder"):
        towers.read_config("coca_base")


def test_neither_folder_nor_name_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a model folder"):
        load_encoder(tmp_path)
