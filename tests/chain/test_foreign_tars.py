"""Tars of other programs: every stage takes the same pictures under the same keys."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.curate.survey import survey
from components.images.decode import decode
from components.label.format import LABELS_SCHEMA
from components.label.image_filter.batches import batches_ahead
from components.pretrain.data.picture_cache import decode_shard
from components.pretrain.data.stream import catalogue
from components.pretrain.data.stream.shard_cache import ShardCache
from components.report.crawl_figures import read_shards
from components.shards.folder import ShardFolder
from components.shards.reader import read_shard

_CASES = Path(__file__).parents[2].parent / "shared" / "data" / "cases" / "05-foreign-tar"
# Names of members, and the keys of their pictures.
TARS = {
    "plain": (["000000000.jpg", "000000001.jpg"], ["000000000", "000000001"]),
    "tar c .": (["./000000000.jpg", "./000000001.jpg"], ["000000000", "000000001"]),
    "folders": (["a/0.jpg", "b.c/0.jpg", "./b.c/d/0.jpg"], ["a/0", "b.c/0", "b.c/d/0"]),
    "upper case": (["0.JPG", "1.Jpeg", "2.PNG"], ["0", "1", "2"]),
    "another member between": (["0.cls", "0.jpg", "1.jpg", "1.seg.png"], ["0", "1"]),
}


def picture(n: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), (80 * n % 256, 200, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, names: Iterable[str]) -> None:
    with tarfile.open(path, "w") as tar:
        for n, name in enumerate(names):
            info, data = tarfile.TarInfo(name), picture(n)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_index(crawl: Path, images: dict[str, bytes]) -> None:
    """What img2dataset would say of the pictures, and that all of them show Q1."""
    rows = [
        {
            "key": key,
            "url": "u",
            "status": "success",
            "error_message": None,
            "width": 40,
            "height": 30,
            "sha256": hashlib.sha256(image).hexdigest(),
            "caption": f"text of {key}",
            "page_language": "en",
            "site": "a.example",
        }
        for key, image in images.items()
    ]
    pq.write_table(pa.Table.from_pylist(rows), crawl / "00000.parquet")
    (crawl.parent / "labels").mkdir()
    labels = [{"key": key, "entities": ["Q1"], "decisions": [], "source": "alt"} for key in sorted(images)]
    pq.write_table(pa.Table.from_pylist(labels, LABELS_SCHEMA), crawl.parent / "labels" / "00000.parquet")


@pytest.fixture(params=TARS)
def expected(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, bytes]:
    """The pictures of a tar by key; it lies in `tmp_path / "crawl"`, with its index."""
    names, keys = TARS[request.param]
    (tmp_path / "crawl").mkdir()
    write_tar(tmp_path / "crawl" / "00000.tar", names)
    images = [picture(n) for n, name in enumerate(names) if not name.endswith((".cls", ".seg.png"))]
    found = dict(zip(keys, images, strict=True))
    write_index(tmp_path / "crawl", found)
    return found


def test_the_reader_of_shards_finds_every_picture(expected: dict[str, bytes], tmp_path: Path) -> None:
    assert {p.key: p.image for p in read_shard(tmp_path / "crawl" / "00000.tar")} == expected


def test_label_embeds_every_picture(expected: dict[str, bytes], tmp_path: Path) -> None:
    batches = batches_ahead(tmp_path / "crawl" / "00000.tar", lambda data: decode(data, 8), 2)
    assert [key for keys, _ in batches for key in keys] == list(expected)


def test_curate_finds_the_bytes_of_every_picture(expected: dict[str, bytes], tmp_path: Path) -> None:
    survey(tmp_path / "crawl", tmp_path / "labels", 0, 0, tmp_path)
    tar = (tmp_path / "crawl" / "00000.tar").read_bytes()
    surveyed = pq.read_table(tmp_path / "00000.parquet").to_pylist()
    assert [tar[row["offset"] : row["offset"] + row["size"]] for row in surveyed] == [
        expected[key] for key in sorted(expected)
    ]


def test_pre_training_decodes_every_picture(expected: dict[str, bytes], tmp_path: Path) -> None:
    decode_shard(8, tmp_path / "crawl" / "00000.tar", 0, tmp_path)
    assert pq.read_table(tmp_path / "00000.parquet")["key"].to_pylist() == list(expected)


def test_pre_training_streams_every_picture(expected: dict[str, bytes], tmp_path: Path) -> None:
    shards = ShardFolder.at(tmp_path / "crawl")
    (tmp_path / "finished").mkdir()
    counts: dict[str, int] = {}
    for number, block in enumerate(catalogue.blocks(shards.versions())):
        counts |= catalogue.scan_shards(shards, None, block, number, tmp_path / "finished").counts
    catalogue.write_vocabulary_columns(tmp_path / "catalogue", None)
    catalogue.finish(tmp_path / "catalogue", shards, tmp_path / "finished", counts)
    opened = ShardCache(catalogue.load(tmp_path / "catalogue"), tmp_path / "scratch", 2).open(0)
    assert [bytes(opened.image(row)) for row in range(len(expected))] == list(expected.values())


def test_the_report_counts_every_picture(expected: dict[str, bytes], tmp_path: Path) -> None:
    found = read_shards(tmp_path / "crawl", shown=1)
    assert found is not None
    assert found.sizes == [len(image) for image in expected.values()]
    assert [data for _, data in found.shown] == [next(iter(expected.values()))]


@pytest.mark.skipif(not _CASES.is_dir(), reason=f"{_CASES} is not here")
@pytest.mark.parametrize("name", ["bignumber", "captionlist", "surrogate"])
def test_the_stages_agree_on_tars_that_others_met(name: str, tmp_path: Path) -> None:
    (tmp_path / "crawl").mkdir()
    tar = tmp_path / "crawl" / "00000.tar"
    tar.write_bytes((_CASES / f"{name}.tar").read_bytes())
    images = {p.key: p.image for p in read_shard(tar)}
    write_index(tmp_path / "crawl", images)
    survey(tmp_path / "crawl", tmp_path / "labels", 0, 0, tmp_path)
    hashes = {row["sha256"] for row in pq.read_table(tmp_path / "00000.parquet").to_pylist()}
    batches = batches_ahead(tar, lambda data: decode(data, 8), 9)
    assert images
    assert hashes == {hashlib.sha256(image).digest() for image in images.values()}
    assert [key for keys, _ in batches for key in keys] == list(images)
    assert decode_shard(8, tar, 0, tmp_path).counts["decoded"] == len(images)
