"""Exports both towers as ONNX files with dynamic batch sizes."""

import logging
import warnings
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from torch import Tensor, nn

from components.export import sidecars
from components.export.parity import check_parity, sample_embeddings
from components.models.config import TowerConfig
from components.models.load import Model
from components.models.preprocess import BICUBIC, SHORTEST, SQUASH

OPSET = 18
# They log every node that they leave unchanged or find twice.
for _noisy in ("onnxscript", "onnx_ir"):
    logging.getLogger(_noisy).setLevel(logging.ERROR)
IMAGE, TEXT = "image.onnx", "text.onnx"


class _ImageTower(nn.Module):
    def __init__(self, towers: nn.Module) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, pixel_values: Tensor) -> Tensor:
        embedded: Tensor = self.towers.encode_image(pixel_values, normalize=True)  # type: ignore[operator]
        return embedded


class _TextTower(nn.Module):
    def __init__(self, towers: nn.Module) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, input_ids: Tensor) -> Tensor:
        embedded: Tensor = self.towers.encode_text(input_ids, normalize=True)  # type: ignore[operator]
        return embedded


def write(model: Model, folder: Path) -> dict[str, Any]:
    """Writes `image.onnx` and `text.onnx`; returns their entries of the card.

    `image.onnx` is `pixel_values` float32 [n, 3, s, s] → `image_embeds` [n, d], `text.onnx` is
    `input_ids` int64 [n, l] → `text_embeds` [n, d]. Pixels are resized and normalised as the card
    says; embeddings are L2-normalised. There is a preprocessor config only if a
    `CLIPImageProcessor` can resize that way.

    Raises:
        InputError: if the tokenizer has no files.
        MofiError: if they embed differently.
    """
    samples = sample_embeddings(model)
    _export(
        _ImageTower(model.towers), torch.from_numpy(samples.pixels[:2]), folder / IMAGE, "pixel_values", "image_embeds"
    )
    _export(_TextTower(model.towers), torch.from_numpy(samples.tokens[:2]), folder / TEXT, "input_ids", "text_embeds")
    sidecars.write_tokenizer(model, folder)
    if model.config.preprocess.get("resize_mode", SHORTEST) in (SHORTEST, SQUASH):
        sidecars.write_preprocessor(model, folder)
    image, text = (
        onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"]) for name in (IMAGE, TEXT)
    )
    parity = check_parity(
        samples,
        lambda pixels: image.run(None, {"pixel_values": pixels})[0],
        lambda tokens: text.run(None, {"input_ids": tokens})[0],
    )
    return {"parity": parity, "opset": OPSET, "onnxruntime": onnxruntime.__version__, **_shapes(model.config)}


def _shapes(config: TowerConfig) -> dict[str, Any]:
    return {
        "image_size": config.image_size,
        "context_length": config.context_length,
        "embedding_width": config.width,
        "mean": list(config.preprocess["mean"]),
        "std": list(config.preprocess["std"]),
        "resize_mode": config.preprocess.get("resize_mode", SHORTEST),
        "interpolation": config.preprocess.get("interpolation", BICUBIC),
        "antialias": config.preprocess.get("antialias", True),
        # open_clip's processing around a tokenizer of transformers, which that one's files lack.
        "tokenizer_kwargs": config.model["text_cfg"].get("tokenizer_kwargs") or {},
    }


def _export(tower: nn.Module, example: Tensor, path: Path, input_name: str, output_name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own deprecations
        torch.onnx.export(
            tower.eval(),
            (example,),
            str(path),
            input_names=[input_name],
            output_names=[output_name],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
