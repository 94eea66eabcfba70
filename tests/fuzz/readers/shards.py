"""Shards of others: the tar, the record and the text of a picture, the index."""

import json
import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from components.crawl.cleaning import Cleaning
from components.crawl.pictures.adopt import adopt_first
from components.crawl.pictures.foreign_record import clean_record
from components.crawl.pictures.job import DownloadJob
from components.crawl.source_files import SourceFile
from components.errors import InputError
from components.label.reader import read_labels
from components.shards.format import EXTENSIONS, PICTURE_SCHEMA
from components.shards.index import read_index
from components.shards.reader import Picture, picture_spans, read_shard
from components.shards.record import read_caption, read_record
from components.shards.samples import split_name
from components.shards.tar_reader import Tar
from tests.fuzz import seeds
from tests.fuzz.change import GENERAL, multiply, recoded
from tests.fuzz.reader import Reader, folder_of
from tests.fuzz.readers.limits import crawl_knobs

_LONGEST = 1000
# Reasons that count pictures alone; the others count samples or files of any kind.
_PICTURES_LOST = ("part_of_sample", "second_picture", "cut_off", "too_large")


def read_tar(data: bytes) -> Iterable[str]:
    """A tar → pictures: every file that is one by its name is read or counted."""
    path = folder_of(**{"0__tar": data}) / "0.tar"
    refused: Counter[str] = Counter()
    found: list[Picture] = []
    broken = False
    try:
        found.extend(read_shard(path, refused, foreign=True))
        if not refused["damaged_part"]:
            assert {picture.key for picture in found} == picture_spans(path).keys()
    except InputError as error:
        assert str(path) in str(error), error
        broken = True
    assert all(isinstance(picture.image, bytes) for picture in found)
    within = _pictures_within(path)
    assert len(found) + sum(refused[reason] for reason in _PICTURES_LOST) == within, (len(found), refused, within)
    is_broken = broken or refused["damaged_part"] > 0
    return ["pictures" if found else "no pictures", *(["unreadable"] if is_broken else [])]


def _pictures_within(path: Path) -> int:
    """How many files have the name of a picture, those next to damage included."""
    number = 0
    try:
        with Tar(path) as tar:
            for name, _, _ in tar.spans(resume=True):
                split = split_name(name)  # a gap has no ending
                number += not isinstance(split, str) and split[2] in EXTENSIONS
    except (OSError, tarfile.TarError):
        return number
    return number


def adopt_tar(data: bytes) -> Iterable[str]:
    """A file of any kind → a shard of ours: outcomes add up to what was read."""
    path = folder_of(**{"0__tar": data}) / "0.tar"
    with TemporaryDirectory(dir=path.parent.parent) as folder:
        shards = Path(folder) / "shards"
        shards.mkdir()
        job = DownloadJob(crawl_knobs(min_side=16, languages=[]), shards)
        out = Path(folder) / "out"
        out.mkdir()
        outcome = adopt_first(job, 0, SourceFile("img2dataset", str(path)), 0, out)
        written = json.loads(job.marker(0).read_text())
        rows = read_index(shards)
    assert written["count"] == len(rows) == sum(written["status_dict"].values()), written
    assert outcome.attempted >= len(rows)
    assert outcome.errors <= outcome.attempted
    return ["shard", *sorted(written["status_dict"])]


def read_sidecar(data: bytes) -> Iterable[str]:
    """A `KEY.json` and, behind the first zero byte, a `KEY.txt` → what the index takes of them."""
    record_bytes, _, text = data.partition(b"\0\0\0")
    record, changes = read_record(record_bytes)
    caption, more = read_caption(text or None, record)
    picture = Picture("0", b"", "jpg", caption, record, changes + more)
    cleaning = Cleaning(Counter())
    row = clean_record(picture, cleaning, _LONGEST)
    assert len(row["caption"]) <= _LONGEST
    assert all(isinstance(entity, str) for entity in picture.entities)
    pa.Table.from_pylist([row], schema=PICTURE_SCHEMA)
    json.dumps(row).encode()
    return ["changed" if cleaning.counts else "as it was"]


def read_parquet_index(data: bytes) -> Iterable[str]:
    """An index of another's shard, or labels of one → a table."""
    folder = folder_of(**{"00000__parquet": data})
    outcomes = []
    for read in (read_index, lambda folder: read_labels(folder, 0)):
        try:
            read(folder).to_pylist()
            outcomes.append("table")
        except InputError as error:
            assert "00000.parquet" in str(error), error
            outcomes.append("unreadable")
    return outcomes


READERS = {
    "tar": Reader(read_tar, seeds.shards),
    "adopted_tar": Reader(adopt_tar, seeds.shards),
    "sidecar": Reader(read_sidecar, seeds.sidecars, (*GENERAL, multiply, recoded)),
    "shard_index": Reader(read_parquet_index, seeds.indexes),
}
