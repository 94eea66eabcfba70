"""ONNX files of both kinds of towers, run by onnxruntime alone."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import open_clip
import pytest
import tokenizers
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from components.errors import InputError, MofiError
from components.export import parity
from components.export.export import export_model
from components.export.formats import Format
from components.models.encoder import load_encoder
from components.models.load import load_model
from components.storage.json_files import read_json
from tests.export.conftest import write_model
from tests.pretrain.conftest import TINY_VIT
from tests.registry.conftest import TINY

TEXTS = ["a crab", "a crane, a machine that lifts what is heavy", "", "turkey", "wharf"]


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("content", [TINY, TINY_VIT], ids=["resnet", "vit"])
def test_any_number_of_pictures_and_texts_has_the_embeddings_of_torch(tmp_path: Path, content: dict) -> None:
    folder, out = write_model(tmp_path / "model", content), tmp_path / "out"
    card = export_model(str(folder), Format.ONNX, out)
    ours, model = load_encoder(folder), load_model(folder)
    image, text = session(out / "image.onnx"), session(out / "text.onnx")
    prepared = read_json(out / "preprocessor_config.json")
    for count in (1, 5):
        pixels = np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        values = (pixels / 255 - prepared["image_mean"]) / prepared["image_std"]
        given = image.run(["image_embeds"], {"pixel_values": values.transpose(0, 3, 1, 2).astype(np.float32)})[0]
        np.testing.assert_allclose(given, ours.images(pixels), atol=1e-4)
        tokens = model.tokenizer(TEXTS[:count]).numpy()
        given = text.run(["text_embeds"], {"input_ids": tokens})[0]
        np.testing.assert_allclose(given, ours.texts(TEXTS[:count]), atol=1e-4)
    assert max(card["parity"].values()) <= 1e-4
    assert onnx.load(out / "text.onnx", load_external_data=False).opset_import[0].version == card["opset"]
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    assert tokenizer.encode("a crab").ids == [token for token in model.tokenizer(["a crab"])[0].tolist() if token]


def test_pictures_that_are_resized_in_another_way_are_left_to_the_card(tmp_path: Path) -> None:
    said = {"resize_mode": "longest", "interpolation": "bilinear"}
    folder = write_model(tmp_path / "model", TINY_VIT | {"preprocess_cfg": TINY_VIT["preprocess_cfg"] | said})
    card = export_model(str(folder), Format.ONNX, tmp_path / "out")
    assert {key: card[key] for key in said} == said
    assert not (tmp_path / "out" / "preprocessor_config.json").exists()
    with pytest.raises(InputError, match="resize_mode 'longest', which is not supported"):
        export_model(str(folder), Format.HF, tmp_path / "hf")


def test_an_architecture_with_a_tokenizer_of_transformers_is_exported_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["<pad>", "<s>", "</s>", "unk", "a", "crab"]
    own = Tokenizer(tokenizers.models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="unk"))
    own.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=own, pad_token="<pad>", unk_token="unk").save_pretrained(tmp_path / "own")
    text = TINY_VIT["model_cfg"]["text_cfg"] | {
        "hf_tokenizer_name": str(tmp_path / "own"),
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "no_causal_mask": True,
        "pool_type": "last",
    }
    described = TINY_VIT["model_cfg"] | {"text_cfg": text, "custom_text": True}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-siglip", described)
    card = export_model("tiny-siglip", Format.ONNX, tmp_path / "out")
    assert card["tokenizer_kwargs"] == {"clean": "canonicalize"}
    assert load_model("tiny-siglip").tokenizer(["A crab!"])[0].tolist()[:3] == [4, 5, 0], "cleaned as open_clip does"
    written = AutoTokenizer.from_pretrained(tmp_path / "out")(["a crab"], add_special_tokens=False)
    assert written["input_ids"] == [[4, 5]]


def test_an_export_that_embeds_differently_is_an_error(vit: Path) -> None:
    samples = parity.sample_embeddings(load_model(vit))
    with pytest.raises(MofiError, match=r"text tower differs from torch by 2\.0e-04"):
        parity.check_parity(samples, lambda _: samples.images, lambda _: samples.texts + np.float32(2e-4))
    with pytest.raises(MofiError, match="image tower differs from torch by nan"):
        parity.check_parity(samples, lambda _: samples.images * np.float32(np.nan), lambda _: samples.texts)
