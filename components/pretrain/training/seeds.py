"""Seeds of a step's random numbers."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class StepSeeds:
    """Seeds that depend on (seed, step) alone, so that a resumed training draws the same numbers.

    Only randomness inside a tower also depends on the rank; the rest is drawn alike by all workers,
    who take their own part.
    """

    seed: int
    step: int
    rank: int

    def seed_globals(self) -> None:
        """Seeds the global generators, for dropout inside a tower."""
        torch.manual_seed(self._seed(0, self.rank))

    def augmentation(self) -> torch.Generator:
        """A generator for the pictures of the whole step."""
        return torch.Generator().manual_seed(self._seed(1, 0))

    def negatives(self) -> torch.Generator:
        """A generator for the sampled classes."""
        return torch.Generator().manual_seed(self._seed(2, 0))

    def _seed(self, purpose: int, rank: int) -> int:
        return int(np.random.SeedSequence([self.seed, self.step, purpose, rank]).generate_state(1, np.uint64)[0] >> 1)
