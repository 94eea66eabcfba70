"""Decoded pictures: what is kept, and what is counted."""

from pathlib import Path

import numpy as np
import pytest

from components.errors import InputError
from components.images.decode import decode
from components.pretrain.data.picture_cache import DecodedPictures, decode_shard
from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from tests.pretrain.conftest import drawing


def test_pictures_come_back_in_order_with_their_texts_and_entities(data: Path, train_pictures: DecodedPictures) -> None:
    assert len(train_pictures) == 48
    assert train_pictures.alt_texts[:3] == ["crab 0", "whale 0", "mango 0"]
    assert train_pictures.entities[:3] == [["Q1"], ["Q2"], ["Q3"]]
    across = np.array([47, 0, 24, 23])  # over the border between the two shards
    expected = [decode(drawing(p % 6, p // 6), 32) for p in across]
    np.testing.assert_array_equal(train_pictures.gather(across), np.stack(expected))


def test_a_picture_that_cannot_be_decoded_is_counted_and_left_out(tmp_path: Path) -> None:
    rows = [
        Row({"key": picture_key(0, n), "status": "success", "caption": f"text {n}"}, image)
        for n, image in enumerate([drawing(0, 0), b"no picture", drawing(1, 1)])
    ]
    write_shard(tmp_path, 0, rows)
    outcome = decode_shard(32, tmp_path / "00000.tar", 0, tmp_path)
    assert outcome.counts == {"decoded": 2, "bad_picture": 1}
    assert (outcome.attempted, outcome.errors) == (3, 1)
    assert DecodedPictures(tmp_path).alt_texts == ["text 0", "text 2"]


@pytest.mark.parametrize("pictures", [0, 1, 11])
def test_the_file_is_numpy_s_own(tmp_path: Path, pictures: int) -> None:
    """It is written picture by picture, so that a shard of 10,000 does not take their memory."""
    rows = [
        Row({"key": picture_key(0, n), "status": "success", "caption": "text"}, drawing(n % 6, n))
        for n in range(pictures)
    ]
    write_shard(tmp_path, 0, [*rows, Row({"key": picture_key(0, 20), "status": "success", "caption": "x"}, b"bad")])
    decode_shard(32, tmp_path / "00000.tar", 0, tmp_path)
    expected = [decode(drawing(n % 6, n), 32) for n in range(pictures)]
    np.save(tmp_path / "whole", np.stack(expected) if expected else np.zeros((0, 32, 32, 3), np.uint8))
    assert (tmp_path / "00000.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


def test_an_empty_cache_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no decoded pictures"):
        DecodedPictures(tmp_path)
