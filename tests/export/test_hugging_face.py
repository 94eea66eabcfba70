"""An exported folder in transformers embeds as the model does here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel, CLIPTokenizer
from typer.testing import CliRunner

from components.cli.main import app
from components.errors import InputError
from components.export.export import export_model
from components.export.formats import Format
from components.export.hugging_face import check_supported
from components.models import towers
from components.models.config import TowerConfig
from components.models.encoder import load_encoder
from components.registry.parameters import PromoteParameters
from components.registry.promote import promote
from components.registry.provenance import digest
from components.storage.json_files import read_json
from components.storage.work import fingerprint
from tests.export.conftest import write_model
from tests.pretrain.conftest import TINY_VIT
from tests.registry.conftest import (  # noqa: F401
    TINY,
    benchmark,
    empty_database,
    models,
    parameters,
    registry,
)
from tests.registry.test_promote import measured

TEXTS = ["a crab", "Crane,  a machine that lifts what is heavy and more than eight tokens", ""]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quick_gelu": True},
        {"custom_text": True},
        {"text_cfg": TINY_VIT["model_cfg"]["text_cfg"] | {"norm_kwargs": {"eps": 1e-2}, "mlp_ratio": 3.0}},
    ],
    ids=["gelu", "quick_gelu", "custom_text", "other_epsilon_and_width"],
)
def test_an_exported_folder_embeds_pictures_and_texts_as_we_do(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder, out = write_model(tmp_path / "model", TINY_VIT, **changes), tmp_path / "out"
    card = export_model(str(folder), Format.HF, out)
    ours = load_encoder(folder)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    pictures = CLIPImageProcessor.from_pretrained(out)([Image.fromarray(p) for p in pixels], return_tensors="pt")
    tokens = CLIPTokenizer.from_pretrained(out)(TEXTS, return_tensors="pt", padding=True, truncation=True)
    with torch.inference_mode():
        theirs = CLIPModel.from_pretrained(out).eval()(**pictures, **tokens)
    np.testing.assert_allclose(theirs.image_embeds, ours.images(pixels), atol=1e-4)
    np.testing.assert_allclose(theirs.text_embeds, ours.texts(TEXTS), atol=1e-4)
    assert max(card["parity"].values()) <= 1e-4
    assert theirs.logits_per_image.shape == (2, 3)


def test_the_card_says_what_was_exported_and_how_well(tmp_path: Path, vit: Path) -> None:
    arguments = ["export", str(vit), "--to", "hf", "--out", str(tmp_path / "out")]
    printed = CliRunner().invoke(app, arguments, catch_exceptions=False).output
    card = read_json(tmp_path / "out" / "mofi.json")
    assert f"from torch: image {card['parity']['image']:.1e}" in printed
    assert card["from"] == {
        "location": str(vit),
        "fingerprint": fingerprint(vit),
        "sha256": digest(vit),
        "card": {"recipe": "multitask", "seed": 3},
    }
    assert (card["format"], set(card["parity"])) == ("hf", {"image", "text"})


def test_an_exported_folder_is_a_model_here_too(tmp_path: Path, vit: Path) -> None:
    export_model(str(vit), Format.HF, tmp_path / "out")
    ours, back = load_encoder(vit), load_encoder(tmp_path / "out")
    pixels = np.random.default_rng(1).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    np.testing.assert_allclose(back.images(pixels), ours.images(pixels), atol=1e-5)
    np.testing.assert_allclose(back.texts(TEXTS), ours.texts(TEXTS), atol=1e-5)


@pytest.mark.parametrize(
    ("part", "changes", "reason"),
    [
        ("vision_cfg", TINY["model_cfg"]["vision_cfg"], r"image tower is a ResNet"),
        ("vision_cfg", {"timm_model_name": "convnext_base"}, "timm's convnext_base"),
        ("vision_cfg", {"pool_type": "avg"}, "vision_cfg.pool_type is 'avg'"),
        ("vision_cfg", {"ls_init_value": 0.1}, "vision_cfg.ls_init_value is 0.1"),
        ("text_cfg", {"hf_model_name": "roberta-base"}, "text tower is roberta-base"),
        ("text_cfg", {"no_causal_mask": True}, "text_cfg.no_causal_mask is True"),
        ("text_cfg", {"pool_type": "last"}, "text_cfg.pool_type is 'last'"),
    ],
)
def test_what_a_clip_model_cannot_be_is_refused_with_the_reason_and_what_to_do(
    part: str, changes: dict[str, Any], reason: str
) -> None:
    model = TINY_VIT["model_cfg"] | {part: TINY_VIT["model_cfg"][part] | changes}
    with pytest.raises(InputError, match=rf"{reason}.*; export it with --to onnx.*ViT-B-16"):
        check_supported(TowerConfig(model, {}))


@pytest.mark.parametrize("name", ["ViT-B-16", "ViT-L-14", "ViT-H-14", "ViT-B-32-quickgelu", "ViT-L-14-336"])
def test_the_usual_towers_of_open_clip_are_not_refused(name: str) -> None:
    check_supported(towers.read_config(name))


def test_a_model_of_the_registry_is_found_and_a_refusal_leaves_nothing(
    registry: Path,  # noqa: F811
    models: Path,  # noqa: F811
    benchmark: Path,  # noqa: F811
    parameters: PromoteParameters,  # noqa: F811
) -> None:
    promote(measured(), parameters, models, benchmark)
    with pytest.raises(InputError, match="image tower is a ResNet"):
        export_model("models:/mofi@champion", Format.HF, registry / "exports" / "out")
    assert not list((registry / "exports").iterdir())


def test_a_model_is_not_replaced_by_its_own_export(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", TINY_VIT)
    with pytest.raises(InputError, match="it would change that"):
        export_model(str(folder), Format.HF, folder)
    assert (folder / "open_clip_config.json").is_file()
