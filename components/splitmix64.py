"""SplitMix64, a generator of 64-bit numbers (Steele, Lea and Flood, 2014), as a hash of arrays."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)


def splitmix64(seed: Numbers, place: Numbers | np.uint64) -> Numbers:
    """The number at a place, from 1, of the sequence that starts from a seed: uint64 [n].

    Every bit of it depends on every bit of the seed and of the place.
    """
    mixed = seed + place * _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)
