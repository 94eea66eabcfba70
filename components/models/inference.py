"""Fuses operations of towers for inference; embeddings stay the same, to rounding."""

import torch
import torch.nn.functional as F
from open_clip.modified_resnet import AttentionPool2d, Bottleneck, ModifiedResNet
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fuse_for_inference(model: nn.Module) -> nn.Module:
    """Fuses open_clip's ResNets in place and returns the model; other towers stay as they are.

    Afterwards the model can neither be trained nor saved.
    """
    visual = model.eval().get_submodule("visual")
    if isinstance(visual, ModifiedResNet):
        for block in visual.modules():
            if isinstance(block, ModifiedResNet | Bottleneck):
                for n in ("1", "2", "3"):
                    _fold(block, f"conv{n}", f"bn{n}")
            if isinstance(block, Bottleneck) and block.downsample is not None:
                _fold(block.downsample, "0", "1")
        visual.attnpool = OneQueryPool(visual.attnpool)
    return model


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    """Folds a batch norm with fixed statistics, a scale and a shift, into its convolution."""
    before, after = getattr(parent, convolution), getattr(parent, norm)
    setattr(parent, convolution, fuse_conv_bn_eval(before, after))
    setattr(parent, norm, nn.Identity())


class OneQueryPool(nn.Module):
    """open_clip's attention pool, for the output of its first token only: softmax(q K^T) V W + b.

    With one query per head, q (X K)^T = (q K^T) X^T and a (X V) = (a X) V for tokens X, so keys and
    values of single tokens are never computed. That is a fifth of the arithmetic for five tokens.
    """

    def __init__(self, pool: AttentionPool2d) -> None:
        super().__init__()
        heads, width = pool.num_heads, pool.q_proj.in_features
        head_width = width // heads
        with torch.no_grad():
            self.position = nn.Parameter(pool.positional_embedding.clone())  # [tokens, c]
            self.query = nn.Linear(width, width)
            self.query.weight.copy_(pool.q_proj.weight * head_width**-0.5)
            self.query.bias.copy_(pool.q_proj.bias * head_width**-0.5)
            # The keys' bias adds the same to all tokens' scores, which softmax ignores.
            self.keys = nn.Parameter(pool.k_proj.weight.reshape(heads, head_width, width).clone())
            self.values = nn.Parameter(
                pool.v_proj.weight.reshape(heads, head_width, width).transpose(1, 2).contiguous()
            )
            # Attention weights sum to 1, so the values' bias passes unchanged.
            self.out = nn.Linear(width, pool.c_proj.out_features)
            self.out.weight.copy_(pool.c_proj.weight)
            self.out.bias.copy_(F.linear(pool.v_proj.bias, pool.c_proj.weight, pool.c_proj.bias))

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] → [n, d]."""
        tokens = x.flatten(2).transpose(1, 2)  # [n, h w, c]
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1) + self.position
        heads = len(self.keys)
        query = self.query(tokens[:, 0]).unflatten(1, (heads, -1)).transpose(0, 1)  # [heads, n, c / heads]
        projected = torch.bmm(query, self.keys)  # [heads, n, c]
        attention = torch.matmul(tokens, projected.permute(1, 2, 0)).softmax(dim=1)  # [n, tokens, heads]
        attended = torch.matmul(attention.transpose(1, 2), tokens)  # [n, heads, c]
        values = torch.bmm(attended.transpose(0, 1), self.values)  # [heads, n, c / heads]
        pooled: Tensor = self.out(values.transpose(0, 1).flatten(1))
        return pooled
