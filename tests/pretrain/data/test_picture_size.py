"""Shards of pictures smaller than the training's picture size."""

import logging
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError, ParameterError
from components.pretrain.data.picture_size import warn_of_small_pictures
from components.pretrain.plan import plan_job
from components.pretrain.sources import find_sources
from tests.pretrain.conftest import MakeParameters


def index(folder: Path, sides: list[tuple[int | None, int | None]]) -> Path:
    table = pa.table({"width": [w for w, _ in sides], "height": [h for _, h in sides]})
    pq.write_table(table, folder / "00000.parquet")
    return folder


def test_enlarged_pictures_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = index(tmp_path, [(300, 60), (60, 300), (100, 64), (300, 300), (None, None)])
    warn_of_small_pictures(folder, 64)
    assert not caplog.messages
    with caplog.at_level(logging.WARNING):
        warn_of_small_pictures(folder, 224)
    (line,) = caplog.messages
    assert line.startswith(
        f"3 of 4 pictures of {folder}/00000.parquet are smaller than pretrain.picture_size = 224 px (half have a side of at "
        "most 62 px) and are enlarged"
    )


def test_indexes_without_sizes_are_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "00000.parquet")
    warn_of_small_pictures(tmp_path, 224)
    assert not caplog.messages


def test_a_file_that_is_not_an_index_is_named(tmp_path: Path) -> None:
    (tmp_path / "00000.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"00000.parquet is not an index"):
        warn_of_small_pictures(tmp_path, 224)


def test_planning_a_training_warns_of_small_pictures(
    data: Path, make_parameters: MakeParameters, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    crawl = tmp_path / "crawl"
    shutil.copytree(data / "crawl", crawl)
    file = crawl / "00000.parquet"
    table = pq.read_table(file)
    sides = pa.array([40] * len(table), pa.int32())
    table = table.drop_columns([name for name in ("width", "height") if name in table.column_names])
    pq.write_table(table.append_column("width", sides).append_column("height", sides), file)
    knobs = make_parameters(picture_size=48)
    plan_job("clip", find_sources("clip", crawl, knobs), knobs, tmp_path)
    assert any("pictures of " in line and "pretrain.picture_size = 48 px" in line for line in caplog.messages)


def test_pictures_decoded_smaller_than_the_tower_takes_them_are_refused(
    data: Path, make_parameters: MakeParameters
) -> None:
    with pytest.raises(
        ParameterError, match=r"pretrain.picture_size is 31, but the tower .* takes 32 px: .* set it to 32 or"
    ):
        find_sources("clip", data / "crawl", make_parameters(picture_size=31))
