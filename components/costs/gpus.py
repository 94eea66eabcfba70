"""Published peaks of GPUs, and the precisions of a training."""

from dataclasses import dataclass
from enum import StrEnum

from components.errors import ParameterError


class Precision(StrEnum):
    """The towers' arithmetic: float32, or bfloat16 by autocast with float32 weights."""

    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class Gpu:
    """Peak dense bfloat16 `tflops` (10^12 operations a second) and `memory` in GB (10^9 bytes)."""

    tflops: float
    memory: float
    source: str = "as given"


# Data sheets often print peaks "with sparsity", twice those of dense matrices; these are the
# halves.
GPUS = {
    "a100-40gb": Gpu(312, 40, "NVIDIA A100 data sheet"),
    "a100-80gb": Gpu(312, 80, "NVIDIA A100 data sheet"),
    "h100": Gpu(989, 80, "NVIDIA H100 data sheet, SXM: 1,979 with sparsity"),
    "h100-pcie": Gpu(756, 80, "NVIDIA H100 data sheet, PCIe: 1,513 with sparsity"),
    "h200": Gpu(989, 141, "NVIDIA H200 data sheet, SXM: 1,979 with sparsity"),
    "b200": Gpu(2250, 180, "NVIDIA DGX B200 data sheet: 36,000 with sparsity and 1,440 GB, eight GPUs"),
    "l4": Gpu(121, 24, "NVIDIA L4 data sheet: 242 with sparsity"),
    "l40s": Gpu(362, 48, "NVIDIA L40S data sheet: 362, 733 with sparsity"),
    "mi300x": Gpu(1307, 192, "AMD Instinct MI300X data sheet: 1,307.4"),
}


def choose_gpu(name: str, tflops: float | None, memory: float | None, precision: Precision) -> Gpu:
    """The GPU of that name, with another peak or memory if given.

    Raises:
        ParameterError: if there is none, or its published peak is of another precision.
    """
    if tflops is None and precision is not Precision.BF16:
        raise ParameterError(
            f"--precision is {precision}, but the peaks known of GPUs are bf16's; give --peak-tflops of yours"
        )
    if tflops is not None and memory is not None:
        return Gpu(tflops, memory)
    if name not in GPUS:
        raise ParameterError(
            f"--gpu is {name!r}; name one of {', '.join(GPUS)}, or give --peak-tflops and --memory-gb of another"
        )
    known = GPUS[name]
    return Gpu(tflops or known.tflops, memory or known.memory, known.source if tflops is None else Gpu.source)
