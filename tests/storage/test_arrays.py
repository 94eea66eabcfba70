"""Arrays are NumPy's files, and a full disk is an error with the system's reason."""

import errno
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from components.storage.arrays import new_array, save_array, write_rows, written_by
from tests import ROOT

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
MADE: dict[str, Callable[[], npt.NDArray[np.generic]]] = {
    "rows": lambda: np.arange(12, dtype=np.float16).reshape(3, 4),
    "columns": lambda: np.asfortranarray(np.arange(12).reshape(3, 4)),
    "every second": lambda: np.arange(24).reshape(4, 6)[::2, ::3],
    "none": lambda: np.zeros((0, 5), np.float32),
    "one": lambda: np.array(7),
    "records": lambda: np.array([(1, 2.0)], dtype=[("row", "<i4"), ("share", "<f8")]),
    "dates": lambda: np.array(["2026-12-01"], dtype="M8[D]"),
    "words": lambda: np.array(["a", "bc"]),
}


@pytest.mark.parametrize("kind", MADE)
def test_the_file_is_the_one_that_numpy_writes(tmp_path: Path, kind: str) -> None:
    array = MADE[kind]()
    save_array(tmp_path / "ours.npy", array)
    np.save(tmp_path / "numpys.npy", array)
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()


@given(
    of_numpy.arrays(
        st.sampled_from([np.uint8, np.int32, np.float16, np.float64]), of_numpy.array_shapes(min_dims=0, min_side=0)
    )
)
def test_any_array_is_read_back(tmp_path_factory: pytest.TempPathFactory, array: npt.NDArray[np.generic]) -> None:
    path = tmp_path_factory.mktemp("arrays") / "a.npy"
    save_array(path, array)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), array)


@needs_full
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.npy").symlink_to(FULL)
    with pytest.raises(OSError, match="No space left") as full:
        save_array(tmp_path / "a.npy", np.zeros(10_000))
    assert full.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="No space left"), FULL.open("wb") as file:
        write_rows(file, np.zeros(10_000))


_ON_A_SMALL_DISK = """
import subprocess, sys
from pathlib import Path
import numpy as np
from components.storage.arrays import new_array
place = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(place)], check=True)
try:
    new_array(place / "a.npy", np.float64, (100_000,))[:] = 1
except OSError as error:
    print(error.errno, error.filename)
"""


def test_a_mapped_file_without_room_is_an_error_instead_of_the_end_of_the_process(tmp_path: Path) -> None:
    mounting = ["unshare", "--mount", "--map-root-user"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*mounting, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("nothing can be mounted here")
    done = subprocess.run(
        [*mounting, sys.executable, "-c", _ON_A_SMALL_DISK, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(errno.ENOSPC), str(tmp_path / "a.npy")]


def test_a_mapped_file_is_numpys_and_holds_what_was_written(tmp_path: Path) -> None:
    array = new_array(tmp_path / "a.npy", np.int32, (3, 2))
    array[1] = 5
    array.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), [[0, 0], [5, 5], [0, 0]])


@needs_full
def test_a_library_that_forgets_the_reason_gives_one(tmp_path: Path) -> None:
    import marisa_trie

    trie = marisa_trie.Trie([f"word {n}" for n in range(10_000)])
    with pytest.raises(OSError, match=r"No space|Input/output") as failed, written_by("marisa", FULL):
        trie.save(str(FULL))
    assert failed.value.filename == str(FULL)
    with pytest.raises(RuntimeError, match="another"), written_by("marisa", tmp_path):
        raise RuntimeError("another kind")


def test_no_other_place_writes_arrays_in_a_way_that_hides_a_full_disk() -> None:
    hiding = re.compile(r"np\.save\(|\.tofile\(|open_memmap\(|np\.memmap\([^)]*w\+")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "components").rglob("*.py")
        if hiding.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"components/storage/arrays.py"}
