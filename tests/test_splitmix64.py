"""SplitMix64 gives the numbers that it gives elsewhere."""

import numpy as np

from components.splitmix64 import splitmix64

# Of the seed 1234567, as Vigna's C code gives them.
NUMBERS = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def test_places_of_one_seed_are_its_sequence() -> None:
    assert splitmix64(np.array([1234567], np.uint64), np.arange(1, 6, dtype=np.uint64)).tolist() == NUMBERS


def test_each_seed_has_a_sequence_of_its_own() -> None:
    seeds = np.array([1234567, 7654321], np.uint64)
    first, second = splitmix64(seeds, np.uint64(1)).tolist()
    assert first == NUMBERS[0]
    assert first != second
