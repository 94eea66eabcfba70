"""A real file system of a few megabytes, in a mount namespace of this process and its children."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_INSIDE = "MOFI_FAULTS_NAMESPACE"


def enter_namespace() -> None:
    """Starts this program again where it may mount: in a namespace of its own, as its own root.

    Nothing outside sees what is mounted there, and nothing of it stays.
    """
    if os.environ.get(_INSIDE):
        return
    os.environ[_INSIDE] = "1"
    command = ["unshare", "--mount", "--map-root-user", sys.executable, *sys.orig_argv[1:]]
    os.execvp(command[0], command)  # noqa: S606 - it is this program


@dataclass(frozen=True)
class SmallDisk:
    """A file system in memory, mounted at a folder."""

    folder: Path

    def mount(self) -> None:
        """Mounts it, with room for everything at first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "faults", str(self.folder)], check=True)

    def unmount(self) -> None:
        """Takes it away, even if something still uses it."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @property
    def used(self) -> int:
        """Bytes in use."""
        return shutil.disk_usage(self.folder).used

    def leave(self, room: int | None) -> None:
        """Leaves so many free bytes, in whole pages; None = as many as it likes."""
        page = os.sysconf("SC_PAGESIZE")
        size = "50%" if room is None else str(self.used + room // page * page)
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)
