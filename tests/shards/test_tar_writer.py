import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shards.tar_writer import TarWriter

NAMES = st.text("0123456789abcdefghijklmnopqrstuvwxyz._-/", min_size=1, max_size=99).filter(
    lambda n: n.strip("/.") == n
)


def as_the_library_writes(files: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@given(st.lists(st.tuples(NAMES, st.binary(max_size=1500)), max_size=30))
def test_bytes_are_those_of_the_library(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("tar") / "one.tar"
    with TarWriter(path) as tar:
        for name, data in files:
            tar.add(name, data)
    assert path.read_bytes() == as_the_library_writes(files)


@pytest.mark.parametrize("name", ["x" * 100, "é.jpg"])
def test_names_that_a_shard_does_not_have_are_refused(tmp_path: Path, name: str) -> None:
    with TarWriter(tmp_path / "one.tar") as tar, pytest.raises(ValueError, match="is not a valid file name"):
        tar.add(name, b"")


def test_a_tar_that_was_not_finished_does_not_look_whole(tmp_path: Path) -> None:
    path = tmp_path / "one.tar"
    with pytest.raises(RuntimeError), TarWriter(path) as tar:
        tar.add("0.jpg", b"x")
        raise RuntimeError
    assert path.stat().st_size == 2 * tarfile.BLOCKSIZE
