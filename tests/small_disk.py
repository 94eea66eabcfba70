"""Functions on a real file system with too little room: `python -m tests.small_disk FUNCTION`.

The mount is in a namespace of this process alone. Each room from none to enough is tried, with an
old result in place; then once more with room.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from components.errors import SetupError, is_full
from tests import ROOT

_NAMESPACE = ("unshare", "--mount", "--map-root-user")
_PAGE = os.sysconf("SC_PAGESIZE")

Result = dict[str, str]
# (folder of the small disk, folder of another one) → what it wrote, by name; called for old, too.
Store = Callable[[Path, Path, str], None]


@dataclass
class Trial:
    """What one room led to.

    Attributes:
        pages: how much room there was.
        end: `done`, `full`, `sentence: …`, or another error.
        old: file → digest before; `kept`: after it; `after`: after a second call, with room.
    """

    pages: int
    end: str
    old: Result
    kept: Result
    after: Result


def can_mount() -> bool:
    """Whether this system lets us mount."""
    if shutil.which(_NAMESPACE[0]) is None:
        return False
    return subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def trials(function: str) -> list[Trial]:
    """What every room leads to.

    Args:
        function: `module:name` of a `Store`.
    """
    command = [*_NAMESPACE, sys.executable, "-m", "tests.small_disk", function]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [Trial(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def _tried(store: Store, disk: Path, elsewhere: Path, pages: int) -> Trial:
    subprocess.run(["mount", "-t", "tmpfs", "small", str(disk)], check=True)
    try:
        store(disk, elsewhere, "old")
        old = _content(disk)
        used = shutil.disk_usage(disk).used
        _resize(disk, used + pages * _PAGE)
        end = "done"
        try:
            store(disk, elsewhere, "new")
        except SetupError as error:
            end = f"sentence: {error}"
        except OSError as error:
            end = "full" if is_full(error) else f"{type(error).__name__}: {error}"
        kept = _content(disk)
        _resize(disk, used + 1024 * _PAGE)
        store(disk, elsewhere, "new")
        return Trial(pages, end, old, kept, _content(disk))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def _content(disk: Path) -> Result:
    """Result's file → digest. What lies in `work` is no result yet."""
    files = [file for file in sorted(disk.rglob("*")) if file.is_file() and not file.is_relative_to(disk / "work")]
    return {str(file.relative_to(disk)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _main(function: str) -> None:
    module, _, name = function.partition(":")
    store: Store = getattr(import_module(module), name)
    with TemporaryDirectory() as place:
        disk, elsewhere = Path(place) / "disk", Path(place) / "elsewhere"
        disk.mkdir()
        elsewhere.mkdir()
        found: list[Trial] = []
        while not found or found[-1].end != "done":
            found.append(_tried(store, disk, elsewhere, len(found)))
    sys.stdout.write(json.dumps([asdict(one) for one in found]))


if __name__ == "__main__":
    _main(sys.argv[1])
