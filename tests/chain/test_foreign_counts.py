"""Tars of other programs: at each stage, what is read is what was taken and what was left out."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.images.decode import decode
from components.label.image_filter.batches import batches_ahead
from components.pretrain.data.picture_cache import DecodedPictures, decode_shard
from components.report.crawl_figures import read_shards
from components.serve.search import build
from tests.crawl.conftest import drawing, encoded
from tests.shards.foreign import Tar, write_foreign


def picture(drawn: random.Random) -> bytes:
    kind = drawn.choice(["JPEG", "PNG", "GIF", "WEBP"])
    return drawn.choice([encoded(drawing(drawn.randrange(999), 48), kind)] * 3 + [b"no picture"])


def is_good(image: bytes) -> bool:
    """What the drawn pictures are, with or without the number that the generator appends."""
    return len(image) > len(b"no picture") + 1


@pytest.fixture(params=range(8))
def tar(request: pytest.FixtureRequest, tmp_path: Path) -> Tar:
    (tmp_path / "crawl").mkdir()
    return write_foreign(tmp_path / "crawl" / "00000.tar", random.Random(request.param), picture)


def left_out(tar: Tar, undecodable: str) -> Counter[str]:
    """What a reader by key must count."""
    bad = sum(not is_good(image) for image in tar.first.values())
    repeated = len(tar.samples) - len(tar.first)
    return +(tar.refused + Counter({undecodable: bad, "same_key": repeated}))


def test_label_embeds_or_counts_every_picture(tar: Tar) -> None:
    counts: Counter[str] = Counter()
    batches = batches_ahead(tar.path, lambda data: decode(data, 8), 3, tar.first, counts)
    keys = [key for keys, _ in batches for key in keys]
    assert sorted(keys) == sorted(key for key, image in tar.first.items() if is_good(image))
    assert counts == left_out(tar, "undecodable")


def test_label_counts_pictures_that_the_index_does_not_list(tar: Tar) -> None:
    listed, counts = set(list(tar.first)[::2]), Counter[str]()
    batches = batches_ahead(tar.path, lambda data: decode(data, 8), 3, listed, counts)
    embedded = sum(len(keys) for keys, _ in batches)
    assert counts["not_in_index"] == len(tar.first) - len(listed)
    assert embedded + counts["undecodable"] == len(listed)


def test_pre_training_decodes_or_counts_every_picture(tar: Tar, tmp_path: Path) -> None:
    outcome = decode_shard(8, tar.path, 0, tmp_path)
    expected = left_out(tar, "bad_picture")
    assert Counter(outcome.counts) - Counter({"decoded": 99}) == expected
    assert outcome.attempted == outcome.counts["decoded"] + expected.total() == len(tar.samples) + tar.refused.total()
    cache = DecodedPictures(tmp_path)
    assert len(cache) == outcome.counts["decoded"]
    assert cache.left_out == expected


def test_search_indexes_or_counts_every_picture(tar: Tar) -> None:
    def embed(pictures: Sequence[bytes]) -> np.ndarray:
        return np.stack([decode(data, 2).ravel() for data in pictures]).astype(np.float32)

    write_index(tar)
    index = build(tar.path.parent, embed)
    assert sorted(entry.key for entry in index.entries) == sorted(k for k, v in tar.first.items() if is_good(v))
    assert index.left_out == left_out(tar, "undecodable")


def test_the_report_sees_every_picture(tar: Tar) -> None:
    write_index(tar)
    found = read_shards(tar.path.parent)
    assert found is not None
    assert sorted(found.sizes) == sorted(len(image) for image in tar.first.values())


def write_index(tar: Tar) -> None:
    names = ["key", "url", "status", "error_message", "width", "height", "sha256", "caption", "page_language", "site"]
    rows = [dict.fromkeys(names) | {"key": key, "status": "success"} for key in tar.first]
    types = pa.schema([(name, pa.int32() if name in ("width", "height") else pa.string()) for name in names])
    pq.write_table(pa.Table.from_pylist(rows, types), tar.path.with_suffix(".parquet"))
