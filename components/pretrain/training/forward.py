"""The forward pass of a batch through the towers."""

import torch
from torch import Tensor, nn

from components.models.config import TowerConfig
from components.models.text_encoding import encode_texts
from components.pretrain.step.precision import autocast


class ForwardPass(nn.Module):
    """A batch through the towers, as the module that DistributedDataParallel wraps.

    With several workers, a tower with BatchNorm normalises by each worker's own part of the batch,
    and the first worker's running statistics are kept.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: nn.Module, config: TowerConfig, device: torch.device, precision: str = "fp32") -> None:
        super().__init__()
        self._precision = precision
        self.towers = model
        for name in ("mean", "std"):
            values = torch.tensor(config.preprocess[name], device=device)[:, None, None]
            self.register_buffer(name, values, persistent=False)

    def forward(self, pictures: Tensor, tokens: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
        """float [b, 3, h, w] in 0 to 1, int64 [b, l] → embeddings [b, d], inverse temperature."""
        with autocast(self._precision, pictures.device):
            # Texts first: reading their lengths waits for the GPU, whose queue is shortest here.
            texts = None if tokens is None else encode_texts(self.towers, tokens).float()
            images = self.towers.encode_image((pictures - self.mean) / self.std, normalize=True)  # type: ignore[operator]
        return images.float(), texts, self.towers.logit_scale.exp()  # type: ignore[operator]
