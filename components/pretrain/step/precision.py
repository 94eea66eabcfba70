"""The arithmetic of the towers' passes."""

import torch


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Whether the towers multiply in bfloat16 on that device.

    Args:
        precision: `fp32`, `bf16`, or `auto`: bfloat16 on a GPU that has it in hardware, and nowhere else, since CPUs that
            emulate it take up to ten times longer.
        device: where the towers are.
    """
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return precision == "bf16"


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """Matrix products and convolutions inside are in bfloat16 if wanted; weights, norms and softmax stay float32.

    Bfloat16 has the range of float32, so no gradient needs scaling.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(precision, device))
