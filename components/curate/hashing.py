"""Seeded hashes of numbers: choices that depend on a thing itself and a seed, not on what else is in the data."""

import hashlib

import numpy as np
import numpy.typing as npt

_STEP, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(values: npt.NDArray[np.uint64], seed: int, purpose: str) -> npt.NDArray[np.uint64]:
    """SplitMix64 of each value, uint64 [n] → uint64 [n]; another seed or purpose gives an unrelated order."""
    start = np.frombuffer(hashlib.sha256(f"{purpose}:{seed}".encode()).digest()[:8], dtype="<u8")
    mixed = values.astype(np.uint64) * _STEP + start
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def unit(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Hashes as numbers in [0, 1)."""
    return np.asarray((hashes >> np.uint64(11)) * 2.0**-53, dtype=np.float64)
