"""The process that serves the sample web. While it lives, a failed connection is a fact about the web; afterwards it is not."""

import os
from dataclasses import dataclass

import psutil

from components.errors import SetupError


@dataclass(frozen=True)
class Server:
    """A process of this machine, told apart from a later one with the same id by when it started."""

    process: int
    started: float

    @classmethod
    def here(cls) -> "Server":
        """This process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def check(self) -> None:
        """A worker may outlive a killed driver by a moment; what it fetched in that moment must not be kept.

        Raises:
            SetupError: if the process is gone.
        """
        try:
            process = psutil.Process(self.process)
            alive = process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            alive = False
        if not alive:
            raise SetupError(
                f"process {self.process}, which served the web, is gone; run the stage again, it goes on from here"
            )
