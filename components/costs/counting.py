"""What the towers of a config cost an image: operations and bytes, counted on tensors that have shapes but no memory.

Nothing is computed, so the largest towers are counted in seconds on any machine. Attention is counted as fused kernels do it:
they keep no matrix of all pairs of tokens, and compute it again on the way back.
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

# Two sizes of a batch tell what grows with it from what does not.
_SMALL, _LARGE = 2, 4

# number of items → their embeddings
_Encode = Callable[[int], Tensor]


@dataclass(frozen=True)
class Size:
    """What a tower consists of: `parameters` that can be trained, the `tensors` that they are, and bytes of all that a
    checkpoint has of the tower (`state`) and of what can be averaged (`averaged`, its floating-point part).
    """

    parameters: int
    tensors: int
    state: int
    averaged: int


@dataclass(frozen=True)
class Pass:
    """One picture or text through its tower, forwards and backwards.

    `forward`, `backward` and `recomputed` are floating-point operations, a multiplication and an addition being two;
    `recomputed` is what gradient checkpointing adds to `backward`. `kept` are bytes that the forward pass keeps for the
    backward pass, `kept_checkpointed` those with gradient checkpointing, with a block that is being computed anew. `copies`
    are bytes that are kept whatever the batch: weights in bfloat16.
    """

    forward: int
    backward: int
    recomputed: int
    kept: int
    kept_checkpointed: int
    copies: int


@dataclass(frozen=True)
class Towers:
    """Both towers of a config; the temperature counts as text tower. `width` is d, the length of an embedding."""

    width: int
    image: Size
    text: Size
    image_pass: Pass
    text_pass: Pass


def count_towers(config: TowerConfig, precision: Precision, text_tokens: int | None = None) -> Towers:
    """Counts the towers of `config`.

    Args:
        config: towers that open_clip builds; patches that it drops in training (`towers.in_training`) are not counted.
        precision: of the towers' arithmetic.
        text_tokens: length of a text, start and end included, where the padding behind it is not computed
            (`texts.encode_texts`); None = the whole context.
    """
    with FakeTensorMode():
        model = towers.build(config, seed=0)
        length = text_tokens or config.context_length
        # A short text costs what it would in towers with so short a context.
        reader = model if length == config.context_length else towers.build(_with_context(config, length), seed=0)
        side = config.image_size

        def encode_images(items: int) -> Tensor:
            features: Tensor = model.encode_image(torch.empty(items, 3, side, side), normalize=True)  # type: ignore[operator]
            return features

        def encode_texts(items: int) -> Tensor:
            tokens = torch.zeros(items, length, dtype=torch.int64)
            features: Tensor = reader.encode_text(tokens, normalize=True)  # type: ignore[operator]
            return features

        def is_visual(name: str) -> bool:
            return name.startswith("visual.")

        def is_textual(name: str) -> bool:
            return not is_visual(name)

        return Towers(
            width=config.width,
            image=_size(model, is_visual),
            text=_size(model, is_textual),
            image_pass=_pass(model, encode_images, precision, _blocks(model, is_visual)),
            text_pass=_pass(reader, encode_texts, precision, _blocks(model, is_textual)),
        )


def _with_context(config: TowerConfig, length: int) -> TowerConfig:
    model = deepcopy(config.model)
    model["text_cfg"]["context_length"] = length
    return TowerConfig(model, config.preprocess)


def _size(model: nn.Module, belongs: Callable[[str], bool]) -> Size:
    own = [p for name, p in model.named_parameters() if belongs(name)]
    state = [tensor for name, tensor in model.state_dict().items() if belongs(name)]
    return Size(
        parameters=sum(p.numel() for p in own),
        tensors=len(own),
        state=sum(t.nbytes for t in state),
        averaged=sum(t.nbytes for t in state if t.is_floating_point()),
    )


def _blocks(model: nn.Module, belongs: Callable[[str], bool]) -> int:
    """Transformer blocks, the pieces that gradient checkpointing computes anew; open_clip has none for other towers."""
    names = (name for name, _ in model.named_modules() if belongs(name))
    return sum(re.search(r"(^|\.)resblocks\.\d+$", name) is not None for name in names)


def _pass(model: nn.Module, encode: _Encode, precision: Precision, blocks: int) -> Pass:
    _, few, _ = _forward(model, encode, precision, _SMALL)
    features, many, forward = _forward(model, encode, precision, _LARGE)
    backward = _backward(features)
    model.set_grad_checkpointing(True)  # type: ignore[operator]
    features, checkpointed, _ = _forward(model, encode, precision, _LARGE)
    again = _backward(features)
    model.set_grad_checkpointing(False)  # type: ignore[operator]

    kept = (many - few) // (_LARGE - _SMALL)
    # The inputs of all blocks lie in memory, and all that one block keeps while it is computed anew.
    inputs = min(kept, checkpointed // _LARGE)
    return Pass(
        forward=forward // _LARGE,
        backward=backward // _LARGE,
        recomputed=(again - backward) // _LARGE,
        kept=kept,
        kept_checkpointed=inputs + (kept - inputs) // max(1, blocks),
        copies=many - _LARGE * kept,
    )


def _forward(model: nn.Module, encode: _Encode, precision: Precision, items: int) -> tuple[Tensor, int, int]:
    """Embeddings, bytes kept for the backward pass (without the model's own weights), and operations."""
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
    """Tells tensors that share memory; those without memory have no address that could."""
    return int(tensor.untyped_storage()._cdata)


def _in_precision(model: nn.Module, encode: _Encode, precision: Precision, items: int) -> Tensor:
    if precision is Precision.FP32:
        return encode(items)
    # Norms take their input in float32 on GPUs, and keep that; the CPU's autocast, which stands in here, leaves it as it is.
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    hooks = [norm.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),)) for norm in norms]
    with torch.autocast("cpu", torch.bfloat16):
        features = encode(items).float()
    for hook in hooks:
        hook.remove()
    return features
