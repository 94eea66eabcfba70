"""How MLflow loads a model: this script and the decoder of pictures are copied into it.

It is for programs that know MLflow alone. The commands here read a model's files themselves
(`registry.model.fetch`), as loading a model through MLflow runs whatever code was registered.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image

from components.images.decode import decode, squash

_BATCH = 256


class Embedder(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Pictures → L2-normalised embeddings."""

    def load_context(self, context: Any) -> None:
        """Builds the towers from `open_clip_config.json` and `open_clip_model.safetensors`."""
        import open_clip  # many seconds, which logging a model need not spend

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        folder = Path(context.artifacts["model"])
        model = open_clip.create_model(
            f"local-dir:{folder}", device=self.device, weights_only=True, require_pretrained=True
        )
        self.model = model.eval()
        self.square = _square(model.visual.preprocess_cfg)
        mean, std = (torch.tensor(model.visual.preprocess_cfg[part], device=self.device) for part in ("mean", "std"))
        self.mean, self.std = mean[:, None, None], std[:, None, None]

    @torch.inference_mode()
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> npt.NDArray[np.float32]:
        """A picture per row, its bytes in column `image` → float32 [rows, d]."""
        if "image" not in model_input.columns:
            raise ValueError(f"the columns are {list(model_input.columns)}; give the pictures' bytes as `image`")
        pictures = list(model_input["image"])
        parts = []
        for start in range(0, len(pictures), _BATCH):
            squares = np.stack([self.square(data) for data in pictures[start : start + _BATCH]])
            levels = torch.from_numpy(squares).to(self.device).permute(0, 3, 1, 2).float()
            pixels = (levels / 255 - self.mean) / self.std
            parts.append(self.model.encode_image(pixels, normalize=True).cpu())
        return torch.cat(parts).numpy().astype(np.float32)


def _square(preprocess: dict[str, Any]) -> Callable[[bytes], npt.NDArray[np.uint8]]:
    """Bytes → uint8 [s, s, 3], as in training: one decoder reads pictures for all."""
    size, mode = preprocess["size"], preprocess["resize_mode"]
    side = int(size if isinstance(size, int) else size[0])
    resampling = Image.Resampling["BILINEAR" if preprocess["interpolation"] == "bilinear" else "BICUBIC"]
    if mode not in ("shortest", "squash"):
        raise ValueError(f"resize_mode is {mode!r}; only 'shortest' and 'squash' are supported")
    return partial(decode if mode == "shortest" else squash, size=side, resampling=resampling)


mlflow.models.set_model(Embedder())
