"""The config of the towers, and of how pictures are prepared for them, in open_clip's terms."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class TowerConfig:
    """The content of `open_clip_config.json`: the model, and how pictures are prepared for it."""

    model: dict[str, Any]
    preprocess: dict[str, Any]

    @property
    def image_size(self) -> int:
        """Side of the image tower's square input, px."""
        side = self.model["vision_cfg"].get("image_size", 224)  # open_clip's default
        return int(side[0] if isinstance(side, list) else side)

    @property
    def context_length(self) -> int:
        """Tokens of a text, including start and end."""
        return int(self.model["text_cfg"].get("context_length", 77))

    @property
    def width(self) -> int:
        """d, the length of an embedding."""
        return int(self.model["embed_dim"])

    def to_json(self) -> dict[str, Any]:
        """The content of `open_clip_config.json`, with a tokenizer's name but not its folder."""
        content = deepcopy({"model_cfg": self.model, "preprocess_cfg": self.preprocess})
        if tokenizer := self.model["text_cfg"].get("hf_tokenizer_name"):
            content["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = Path(tokenizer).name
        return content
