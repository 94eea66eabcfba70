"""Each knowledge base has a fingerprint: the same wherever it lies, another for other content."""

import shutil
from pathlib import Path

import pytest

from components.errors import InputError
from components.knowledge.base.fingerprint import FINGERPRINT, read_fingerprint, write_fingerprint
from components.knowledge.base.format import TABLE


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    (folder / "names").mkdir(parents=True)
    for name in (TABLE, "ids.npy", "names/00000.marisa", "stats.json"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_the_file_says_what_reading_everything_would(base: Path) -> None:
    read = read_fingerprint(base)
    write_fingerprint(base)
    assert (base / FINGERPRINT).is_file()
    assert read_fingerprint(base) == read
    assert len(read) == 64


def test_a_copy_has_the_same(base: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(base, tmp_path / "copy"))
    (copy / "_SUCCESS").touch()
    (copy / ".DS_Store").write_bytes(b"seen")
    assert read_fingerprint(copy) == read_fingerprint(base)


@pytest.mark.parametrize("name", [TABLE, "ids.npy", "names/00000.marisa", "names/00001.marisa"])
def test_other_content_has_another(base: Path, name: str) -> None:
    before = read_fingerprint(base)
    (base / name).write_bytes(b"other")
    assert read_fingerprint(base) != before


def test_the_counts_of_the_build_are_no_part_of_it(base: Path) -> None:
    before = read_fingerprint(base)
    (base / "stats.json").write_bytes(b"{}")
    assert read_fingerprint(base) == before


def test_it_is_not_read_again_where_it_is_written(base: Path) -> None:
    write_fingerprint(base)
    before = read_fingerprint(base)
    (base / "ids.npy").unlink()
    assert read_fingerprint(base) == before


@pytest.mark.parametrize("content", ["[]", "{}", '{"sha256": 7}', '{"sha256": ""}'])
def test_a_damaged_file_is_named_with_the_fix(base: Path, content: str) -> None:
    (base / FINGERPRINT).write_text(content)
    with pytest.raises(InputError, match=r"fingerprint\.json holds no sha256; delete it"):
        read_fingerprint(base)


def test_a_folder_without_a_base_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no knowledge base; `mofi knowledge build` makes one"):
        read_fingerprint(tmp_path)
