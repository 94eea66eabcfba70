"""The arithmetic precision of the towers."""

import torch


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Whether the towers compute in bfloat16 on that device.

    Args:
        precision: `fp32`, `bf16`, or `auto`: bfloat16 on GPUs that support it in hardware. CPUs
            that emulate it take up to ten times longer.
        device: of the towers.
    """
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bf16"


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Matrix products and convolutions inside use bfloat16, if wanted.

    Weights, norms and softmax stay float32. Bfloat16 has the range of float32, so gradients need no
    scaling.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(precision, device))
