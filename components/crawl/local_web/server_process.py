"""The process that serves the sample web.

Once it is gone, failed connections say nothing about the web.
"""

import os
from dataclasses import dataclass

import psutil

from components.errors import SetupError


@dataclass(frozen=True)
class ServerProcess:
    """A process on this machine.

    Its start time distinguishes it from a later one with the same id.
    """

    process: int
    started: float

    @classmethod
    def current(cls) -> "ServerProcess":
        """This process."""
        return cls(os.getpid(), psutil.Process().create_time())

    def check(self) -> None:
        """Checks that the process is alive.

        A worker may outlive a killed driver, and what it fetches then is void.

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
                f"process {self.process}, which served the sample web, is gone; run the stage again to resume it"
            )
