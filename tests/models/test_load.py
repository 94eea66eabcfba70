"""Models from elsewhere, used as their own programs use them, and ours, used by open_clip alone."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torchvision import transforms
from transformers import AutoModel, AutoTokenizer, CLIPConfig, CLIPModel, PreTrainedTokenizerFast

from components.errors import InputError
from components.images.decode import decode
from components.models import towers
from components.models.encoder import load_encoder
from components.models.transformers_clip import OPENAI_MEAN, OPENAI_STD, read_clip_config
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import ignore

TEXTS = ["a photo of a crab", "crane", "a photo of a photo of a photo of a photo"]
WORDS = ["<pad>", "<s>", "</s>", "a", "photo", "of", "crab", "crane", "unused"]


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as MOFI was released: a CLIPModel, its own tokenizer, no preprocessing config."""
    folder = tmp_path_factory.mktemp("mofi-b16-hf")
    part = {"hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
    seen = {"hidden_act": "gelu", "layer_norm_eps": 1e-3, "image_size": 32, "patch_size": 8}
    read = {"hidden_act": "gelu", "vocab_size": len(WORDS), "max_position_embeddings": 8, "eos_token_id": 2}
    torch.manual_seed(0)
    config = CLIPConfig(vision_config=part | seen, text_config=part | read | {"bos_token_id": 1, "pad_token_id": 0})
    config.projection_dim = 12
    model = CLIPModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    own = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="unused"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    own.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="unused"
    ).save_pretrained(folder)
    return folder


def test_mofi_as_released_embeds_pictures_as_its_own_program_does(released: Path) -> None:
    transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Resize(32, antialias=False),
            transforms.CenterCrop(32),
            transforms.Normalize(mean=torch.tensor(OPENAI_MEAN), std=torch.tensor(OPENAI_STD)),
        ]
    )
    pictures = [picture(100, 61), picture(33, 70)]
    with torch.inference_mode():
        pixels = torch.stack([transform(image) for image in pictures])
        theirs = CLIPModel.from_pretrained(released).eval()(pixel_values=pixels, input_ids=torch.tensor([[1, 2]]))
    encoder = load_encoder(released)
    ours = encoder.images(np.stack([encoder.prepare(encoded(image)) for image in pictures]))
    np.testing.assert_allclose(ours, theirs.image_embeds, atol=1e-4)
    with_antialiasing = encoder.images(np.stack([decode(encoded(image), 32) for image in pictures]))
    assert np.abs(with_antialiasing - ours).max() > 1e-3, "the way of resizing matters"


def test_mofi_as_released_embeds_texts_as_its_own_program_does(released: Path) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(released), AutoModel.from_pretrained(released).eval()
    for text in TEXTS[:2]:  # one by one, since a text that is too long is not for their program to read
        tokens = tokenizer([text], return_tensors="pt", padding=True, return_attention_mask=False)["input_ids"]
        with torch.inference_mode():
            theirs = model(input_ids=tokens, pixel_values=torch.zeros(1, 3, 32, 32)).text_embeds
        np.testing.assert_allclose(load_encoder(released).texts([text]), theirs, atol=1e-4)
    assert load_encoder(released).texts(TEXTS).shape == (3, 12)


def test_a_training_on_mofi_s_own_tower_leaves_a_folder_that_open_clip_loads_with_its_tokenizer(
    released: Path, make_job: MakeJob, tmp_path: Path
) -> None:
    job = replace(make_job("contrastive", tmp_path / "work", images_seen=16), tower=towers.read_config(str(released)))
    run_worker(job, ignore)
    assert read_json(job.model / "open_clip_config.json")["preprocess_cfg"]["antialias"], "as it was trained"
    assert str(released) not in (job.model / "open_clip_config.json").read_text(encoding="utf-8")
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{job.model}")
    tokens = open_clip.get_tokenizer(f"local-dir:{job.model}")(TEXTS)
    with torch.inference_mode():
        theirs = model.eval().encode_text(tokens, normalize=True)
    np.testing.assert_allclose(load_encoder(job.model).texts(TEXTS), theirs, atol=1e-5)


def test_a_tower_does_not_depend_on_its_folder(released: Path, make_job: MakeJob, tmp_path: Path) -> None:
    """Otherwise another machine could not resume from a checkpoint."""
    elsewhere = tmp_path / "elsewhere" / released.name
    shutil.copytree(released, elsewhere)
    job = make_job("contrastive", tmp_path / "work")
    here, there = (replace(job, tower=towers.read_config(str(folder))) for folder in (released, elsewhere))
    assert here.config == there.config != job.config


def test_a_folder_that_says_how_pictures_are_prepared_is_believed(released: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((released / "config.json").read_bytes())
    said = {"size": {"shortest_edge": 32}, "resample": 2, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said), encoding="utf-8")
    prepared = read_clip_config(tmp_path).preprocess
    assert (prepared["mean"], prepared["interpolation"], prepared.get("antialias", True)) == (
        [0.5] * 3,
        "bilinear",
        True,
    )
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said | {"size": 256}), encoding="utf-8")
    with pytest.raises(InputError, match=r"resized to 256, but the tower takes 32 px"):
        read_clip_config(tmp_path)


def test_a_folder_with_a_pickle_alone_is_refused_with_the_conversion(released: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((released / "config.json").read_bytes())
    torch.save({"logit_scale": torch.zeros(())}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"has no \.safetensors file; convert it: .*pytorch_model\.safetensors"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("tower", ["resnet", "vit"])
@pytest.mark.parametrize("recipe", ["supervised", "contrastive"])
def test_open_clip_alone_loads_what_was_trained_and_sees_the_same_in_a_picture(
    make_job: MakeJob, tmp_path: Path, recipe: str, tower: str
) -> None:
    job = make_job(recipe, tmp_path / "work", tower, images_seen=24)
    run_worker(job, ignore)
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{job.model}")
    image = picture(77, 77)
    with torch.inference_mode():
        theirs = model.eval().encode_image(preprocess(image)[None], normalize=True)
        texts = model.encode_text(open_clip.get_tokenizer(f"local-dir:{job.model}")(TEXTS), normalize=True)
    ours = load_encoder(job.model)
    np.testing.assert_allclose(ours.images(np.stack([ours.prepare(encoded(image))])), theirs, atol=1e-4)
    np.testing.assert_allclose(ours.texts(TEXTS), texts, atol=1e-4)
