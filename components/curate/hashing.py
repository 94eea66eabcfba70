"""Seeded hashes of numbers: choices that depend on a thing and a seed, not on other data."""

import hashlib

import numpy as np
import numpy.typing as npt

from components.splitmix64 import splitmix64


def mix(values: npt.NDArray[np.uint64], seed: int, purpose: str) -> npt.NDArray[np.uint64]:
    """Hash of each value, uint64 [n]; another seed or purpose gives an unrelated order."""
    start = np.frombuffer(hashlib.sha256(f"{purpose}:{seed}".encode()).digest()[:8], dtype="<u8")
    return splitmix64(start, values.astype(np.uint64))


def unit(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Hashes as numbers in [0, 1)."""
    return np.asarray((hashes >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
