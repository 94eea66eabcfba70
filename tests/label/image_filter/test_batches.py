"""Batches of a shard, decoded ahead."""

import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from components.errors import InputError
from components.images.decode import decode
from components.label.image_filter.batches import batches_ahead
from components.models.preprocess import Resizing
from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from tests.curate.conftest import painted


def shard(folder: Path, images: list[bytes]) -> Path:
    rows = [
        Row({"key": picture_key(0, n), "status": "success", "caption": ""}, image) for n, image in enumerate(images)
    ]
    write_shard(folder, 0, rows)
    return folder / "00000.tar"


prepare = partial(Resizing().square, size=16, quick=True)


def test_batches_hold_the_shard_s_pictures_in_order(tmp_path: Path) -> None:
    images = [painted(n) for n in range(7)]
    found = list(batches_ahead(shard(tmp_path, images), prepare, 3))
    assert [len(keys) for keys, _ in found] == [3, 3, 1]
    assert [key for keys, _ in found for key in keys] == [picture_key(0, n) for n in range(7)]
    expected = np.stack([decode(image, 16, quick=True) for image in images])
    assert (np.concatenate([batch for _, batch in found]) == expected).all()


def test_bad_pictures_are_left_out_and_their_place_is_filled(tmp_path: Path) -> None:
    tar = shard(tmp_path, [painted(0), b"no picture", painted(2)[:40], painted(3), painted(4)])
    assert [keys for keys, _ in batches_ahead(tar, prepare, 2)] == [["000000000", "000000003"], ["000000004"]]


@pytest.mark.parametrize("images", [[], [b"no picture"]])
def test_a_shard_without_a_good_picture_has_no_batch(tmp_path: Path, images: list[bytes]) -> None:
    assert list(batches_ahead(shard(tmp_path, images), prepare, 2)) == []


def test_a_broken_tar_is_named_after_the_batches_before_the_break(tmp_path: Path) -> None:
    tar = shard(tmp_path, [painted(n) for n in range(6)])
    tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 2])
    ready = batches_ahead(tar, prepare, 1)
    next(ready)
    with pytest.raises(InputError, match=r"00000\.tar is no whole tar"):
        list(ready)


def test_whoever_stops_early_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    ready = batches_ahead(shard(tmp_path, [painted(n) for n in range(9)]), prepare, 1)
    next(ready)
    ready.close()
    assert threading.active_count() == before
