"""Towers for use only: the same function of a picture in fewer operations, to rounding. open_clip's ResNets gain; others stay."""

import torch
import torch.nn.functional as F
from open_clip.modified_resnet import AttentionPool2d, Bottleneck, ModifiedResNet
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def for_inference(model: nn.Module) -> nn.Module:
    """The model itself, changed: to be loaded for use, as it can be neither trained nor saved as open_clip's any more."""
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
    """A batch norm with fixed statistics is a scale and a shift, which the convolution before it can do."""
    before, after = getattr(parent, convolution), getattr(parent, norm)
    setattr(parent, convolution, fuse_conv_bn_eval(before, after))
    setattr(parent, norm, nn.Identity())


class OneQueryPool(nn.Module):
    """open_clip's attention pool, whose only wanted output is that of its first token, the mean: softmax(q K^T) V W + b.

    With one query per head, q (X K)^T = (q K^T) X^T and a (X V) = (a X) V for tokens X: keys and values of single tokens are
    never computed. That is a fifth of the arithmetic for five tokens.
    """

    def __init__(self, pool: AttentionPool2d) -> None:
        super().__init__()
        heads, width = pool.num_heads, pool.q_proj.in_features
        share = width // heads
        with torch.no_grad():
            self.position = nn.Parameter(pool.positional_embedding.clone())  # [tokens, c]
            self.query = nn.Linear(width, width)
            self.query.weight.copy_(pool.q_proj.weight * share**-0.5)
            self.query.bias.copy_(pool.q_proj.bias * share**-0.5)
            # The keys' bias adds the same to the scores of all tokens, so softmax does not see it.
            self.keys = nn.Parameter(pool.k_proj.weight.reshape(heads, share, width).clone())
            self.values = nn.Parameter(pool.v_proj.weight.reshape(heads, share, width).transpose(1, 2).contiguous())
            # Weights of attention sum to 1, so the values' bias comes through as it is.
            self.out = nn.Linear(width, pool.c_proj.out_features)
            self.out.weight.copy_(pool.c_proj.weight)
            self.out.bias.copy_(F.linear(pool.v_proj.bias, pool.c_proj.weight, pool.c_proj.bias))

    def forward(self, x: Tensor) -> Tensor:
        """[n, c, h, w] → [n, d]."""
        tokens = x.flatten(2).transpose(1, 2)  # [n, h w, c]
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1) + self.position
        heads = len(self.keys)
        query = self.query(tokens[:, 0]).unflatten(1, (heads, -1)).transpose(0, 1)  # [heads, n, c / heads]
        look = torch.bmm(query, self.keys)  # [heads, n, c]
        attention = torch.matmul(tokens, look.permute(1, 2, 0)).softmax(dim=1)  # [n, tokens, heads]
        seen = torch.matmul(attention.transpose(1, 2), tokens)  # [n, heads, c]
        values = torch.bmm(seen.transpose(0, 1), self.values)  # [heads, n, c / heads]
        pooled: Tensor = self.out(values.transpose(0, 1).flatten(1))
        return pooled
