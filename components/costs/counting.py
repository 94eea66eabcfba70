"""Counts the operations and bytes of the towers of a config, on fake tensors without memory.

Nothing is computed, so the largest towers are counted in seconds on any machine. Attention counts
as in fused kernels, which keep no matrix of token pairs and recompute it in the backward pass.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from components.costs.gpus import Precision
from components.models import towers
from components.models.config import TowerConfig

# Two batch sizes separate what grows with the batch from what does not.
_SMALL, _LARGE = 2, 4

# number of items → their embeddings
_Encode = Callable[[int], Tensor]


@dataclass(frozen=True)
class TowerSize:
    """The size of a tower.

    Attributes:
        parameters: that can be trained.
        tensors: that these parameters are.
        state: bytes of the tower in a checkpoint.
        averaged: bytes of its floating-point part, which can be averaged.
    """

    parameters: int
    tensors: int
    state: int
    averaged: int


@dataclass(frozen=True)
class PassCost:
    """One picture or text through its tower, forwards and backwards.

    Operations are floating-point operations; a multiply-add is two.

    Attributes:
        forward: operations.
        backward: operations.
        recomputed: operations that gradient checkpointing adds to `backward`.
        kept: bytes that the forward pass keeps for the backward pass.
        kept_checkpointed: the same with gradient checkpointing, including one recomputed block.
        copies: bytes kept whatever the batch: weights in bfloat16.
    """

    forward: int
    backward: int
    recomputed: int
    kept: int
    kept_checkpointed: int
    copies: int


@dataclass(frozen=True)
class TowerCosts:
    """Both towers of a config; the temperature counts as text tower. `width` is d."""

    width: int
    image: TowerSize
    text: TowerSize
    image_pass: PassCost
    text_pass: PassCost


def count_towers(config: TowerConfig, precision: Precision, text_tokens: int | None = None) -> TowerCosts:
    """Counts the towers of `config`.

    Args:
        config: of towers that open_clip builds, with patch dropout from `training_config`.
        precision: of the towers' arithmetic.
        text_tokens: length of a text, including start and end, where padding is not computed
            (`text_encoding.encode_texts`); None = the whole context.
    """
    with FakeTensorMode():
        model = towers.build(config, seed=0)
        length = text_tokens or config.context_length
        # A short text costs what it would in a tower with that context length.
        text_model = model if length == config.context_length else towers.build(_with_context(config, length), seed=0)
        side = config.image_size

        def encode_images(items: int) -> Tensor:
            features: Tensor = model.encode_image(torch.empty(items, 3, side, side), normalize=True)  # type: ignore[operator]
            return features

        def encode_texts(items: int) -> Tensor:
            tokens = torch.zeros(items, length, dtype=torch.int64)
            features: Tensor = text_model.encode_text(tokens, normalize=True)  # type: ignore[operator]
            return features

        def is_visual(name: str) -> bool:
            return name.startswith("visual.")

        def is_textual(name: str) -> bool:
            return not is_visual(name)

        return TowerCosts(
            width=config.width,
            image=_size(model, is_visual),
            text=_size(model, is_textual),
            image_pass=_pass(model, encode_images, precision, _blocks(model, is_visual)),
            text_pass=_pass(text_model, encode_texts, precision, _blocks(model, is_textual)),
        )


def _with_context(config: TowerConfig, length: int) -> TowerConfig:
    model = deepcopy(config.model)
    model["text_cfg"]["context_length"] = length
    return TowerConfig(model, config.preprocess)


def _size(model: nn.Module, belongs: Callable[[str], bool]) -> TowerSize:
    own = [p for name, p in model.named_parameters() if belongs(name)]
    state = [tensor for name, tensor in model.state_dict().items() if belongs(name)]
    return TowerSize(
        parameters=sum(p.numel() for p in own),
        tensors=len(own),
        state=sum(t.nbytes for t in state),
        averaged=sum(t.nbytes for t in state if t.is_floating_point()),
    )


def _blocks(model: nn.Module, belongs: Callable[[str], bool]) -> int:
    """Transformer blocks, which gradient checkpointing recomputes; other towers have none."""
    names = (name for name, _ in model.named_modules() if belongs(name))
    return sum(re.search(r"(^|\.)resblocks\.\d+$", name) is not None for name in names)


def _pass(model: nn.Module, encode: _Encode, precision: Precision, blocks: int) -> PassCost:
    _, few, _ = _forward(model, encode, precision, _SMALL)
    features, many, forward = _forward(model, encode, precision, _LARGE)
    backward = _backward(features)
    model.set_grad_checkpointing(True)  # type: ignore[operator]
    features, checkpointed, _ = _forward(model, encode, precision, _LARGE)
    again = _backward(features)
    model.set_grad_checkpointing(False)  # type: ignore[operator]

    kept = (many - few) // (_LARGE - _SMALL)
    # The inputs of all blocks, and all that one block keeps while it is recomputed.
    inputs = min(kept, checkpointed // _LARGE)
    return PassCost(
        forward=forward // _LARGE,
        backward=backward // _LARGE,
        recomputed=(again - backward) // _LARGE,
        kept=kept,
        kept_checkpointed=inputs + (kept - inputs) // max(1, blocks),
        copies=many - _LARGE * kept,
    )


def _forward(model: nn.Module, encode: _Encode, precision: Precision, items: int) -> tuple[Tensor, int, int]:
    """Embeddings, bytes kept for the backward pass (without weights), and operations."""
    weights = {_storage(t) for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in weights:
            kept[_storage(tensor)] = tensor
        return tensor

    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        features = _in_precision(model, encode, precision, items)
    return features, sum(t.untyped_storage().nbytes() for t in kept.values()), counter.get_total_flops()


def _backward(features: Tensor) -> int:
    """Operations of the backward pass."""
    with FlopCounterMode(display=False) as counter:
        features.sum().backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def _storage(tensor: Tensor) -> int:
    """Identifies tensors that share memory; fake tensors have no address."""
    return int(tensor.untyped_storage()._cdata)


def _in_precision(model: nn.Module, encode: _Encode, precision: Precision, items: int) -> Tensor:
    if precision is Precision.FP32:
        return encode(items)
    # On GPUs, norms take and keep their input in float32; the CPU's autocast, used here, leaves it
    # as it is.
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    hooks = [norm.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),)) for norm in norms]
    with torch.autocast("cpu", torch.bfloat16):
        features = encode(items).float()
    for hook in hooks:
        hook.remove()
    return features
