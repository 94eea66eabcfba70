"""Embeddings as the linker compares them."""

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]


def unit(vector: Vector) -> Vector:
    """L2-normalised; a zero vector stays zero."""
    norm = float(np.linalg.norm(vector))
    return (vector / norm).astype(np.float32) if norm > 0 else vector
