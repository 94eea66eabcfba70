import math
from pathlib import Path

import numpy as np
import pytest

from components.crawl.pictures.hold_out import build_hold_out, open_hold_out
from components.crawl.pictures.near_copy import thumbnail
from components.errors import InputError
from tests.crawl.conftest import drawing, encoded

pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    folder = tmp_path / "benchmark"
    folder.mkdir()
    for seed in range(12):
        (folder / f"{seed:04d}_set.jpg").write_bytes(encoded(drawing(seed, 128), "JPEG", quality=95))
    return folder


def test_a_near_copy_of_any_picture_of_the_folder_is_found_and_no_other(benchmark: Path, tmp_path: Path) -> None:
    hold_out = open_hold_out(build_hold_out(benchmark, tmp_path / "work"))
    copies = [hold_out.difference(thumbnail(drawing(seed, 128).crop((2, 2, 128, 128)))) for seed in range(12)]
    others = [hold_out.difference(thumbnail(drawing(seed, 128))) for seed in range(100, 130)]
    assert max(copies) <= 3.0 < min(others)


def test_fingerprints_are_taken_once(benchmark: Path, tmp_path: Path) -> None:
    first = build_hold_out(benchmark, tmp_path / "work")
    before = {p.name: p.stat().st_mtime_ns for p in first.iterdir()}
    second = build_hold_out(benchmark, tmp_path / "work")
    assert before == {p.name: p.stat().st_mtime_ns for p in second.iterdir()}


def test_without_a_hold_out_nothing_is_a_near_copy() -> None:
    assert open_hold_out(None).difference(thumbnail(drawing(1))) == math.inf


def test_fingerprints_of_few_pictures_are_as_good(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "only.png").write_bytes(encoded(drawing(3)))
    hold_out = open_hold_out(build_hold_out(folder, tmp_path / "work"))
    assert hold_out.difference(thumbnail(drawing(3))) <= 0
    assert np.asarray(hold_out.thumbnails).shape == (1, 48, 48, 3)


def test_a_folder_without_pictures_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"empty contains no picture .*--hold-out"):
        build_hold_out(tmp_path / "empty", tmp_path / "work")


def test_a_broken_hold_out_picture_is_an_error_that_names_it(benchmark: Path, tmp_path: Path) -> None:
    (benchmark / "0003_set.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1 pictures cannot be held out .*0003_set.jpg; fix or remove"):
        build_hold_out(benchmark, tmp_path / "work")
