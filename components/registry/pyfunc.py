"""How MLflow loads a model: this script is copied into it, and needs nothing but open_clip."""

import io
from typing import Any

import mlflow
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image

_BATCH = 256


class Embedder(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Pictures → L2-normalised embeddings."""

    def load_context(self, context: Any) -> None:
        """Builds the towers from `open_clip_config.json` and `open_clip_model.safetensors`."""
        import open_clip  # many seconds, which logging a model need not spend

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        model, self.preprocess = open_clip.create_model_from_pretrained(
            f"local-dir:{context.artifacts['model']}", device=self.device, weights_only=True
        )
        self.model = model.eval()

    @torch.inference_mode()
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> npt.NDArray[np.float32]:
        """A picture per row, in column `image` (bytes) or `path` (a file) → float32 [rows, d]."""
        column = next((name for name in ("image", "path") if name in model_input.columns), None)
        if column is None:
            raise ValueError(f"the columns are {list(model_input.columns)}; give `image` (bytes) or `path` (a file)")
        sources = [io.BytesIO(value) if column == "image" else value for value in model_input[column]]
        parts = []
        for start in range(0, len(sources), _BATCH):
            pictures = [self.preprocess(on_white(source)) for source in sources[start : start + _BATCH]]
            parts.append(self.model.encode_image(torch.stack(pictures).to(self.device), normalize=True).cpu())
        return torch.cat(parts).numpy().astype(np.float32)


def on_white(source: Any) -> Image.Image:
    """RGB; transparent parts become white, as in training."""
    image = Image.open(source)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, (255, 255, 255))
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return canvas
    return image.convert("RGB")


mlflow.models.set_model(Embedder())
