import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from components.crawl.crawl import Source, crawl_pictures
from components.errors import InputError
from components.shards.index import read_index
from components.shards.reader import read_shard
from tests.crawl.conftest import drawing, encoded, gallery, knobs
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("ray_cluster")


def theirs(path: Path, pictures: dict[str, tuple[bytes, str, dict[str, Any]]]) -> None:
    """A tar as img2dataset writes it: key → bytes, caption, record."""
    with tarfile.open(path, "w") as tar:
        for key, (data, caption, record) in pictures.items():
            parts = {"jpg": data, "txt": caption.encode(), "json": json.dumps(record).encode()}
            for ending, content in parts.items():
                member = tarfile.TarInfo(f"{key}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def record(n: int) -> dict[str, Any]:
    exif = "{}"
    return {
        "url": f"http://a.example/{n}.jpg",
        "original_width": 1000 + n,
        "original_height": 900,
        "exif": exif,
        "key": n,
    }


def adopt(tmp_path: Path, *files: str, **changes: Any) -> dict[str, Any]:
    source = Source(files=tuple(f"img2dataset:{tmp_path}/{file}" for file in files))
    hold_out = tmp_path / "held" if (tmp_path / "held").exists() else None
    return crawl_pictures(source, hold_out, tmp_path / "out", knobs(**changes), tmp_path / "work")


def jpeg(n: int, side: int = 96) -> bytes:
    return encoded(drawing(n, side), "JPEG", quality=95)


def test_shards_of_img2dataset_are_adopted_and_verified_as_if_new(tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    (tmp_path / "held/x.jpg").write_bytes(jpeg(77, 128))
    first = {
        "000000000": (jpeg(1), "a red crab", record(0)),
        "000000003": (jpeg(2), "IMG_1234.jpg", record(3)),
        "000000004": (b"no picture", "a heron", record(4)),
        "000000005": (jpeg(77, 128), "held out", record(5)),
    }
    theirs(tmp_path / "00000.tar", first)
    theirs(tmp_path / "00001.tar", {"000010000": (jpeg(3), "a newt", {})})
    measures = adopt(tmp_path, "*.tar", min_text=2, resize="keep_ratio", side=48)
    failed = {"file_name": 1, "not_a_picture": 1, "near_copy_of_hold_out": 1}
    assert measures["pictures"] == {"attempted": 5, "success": 2, "failed": failed}
    rows = {row["caption"]: row for row in read_index(tmp_path / "out").to_pylist()}
    crab = rows["a red crab"]
    assert (crab["url"], crab["key"], crab["width"], crab["original_width"]) == (
        "http://a.example/0.jpg",
        "000000000",
        48,
        1000,
    )
    assert (rows["a newt"]["key"], rows["a newt"]["original_width"]) == ("000010000", 96)
    assert [picture.caption for picture in read_shard(tmp_path / "out/00000.tar")] == ["a red crab"]


def test_a_damaged_shard_is_adopted_up_to_the_damage(tmp_path: Path) -> None:
    theirs(tmp_path / "00000.tar", {f"{n:09d}": (jpeg(n), f"crab {n} of ten", record(n)) for n in range(10)})
    data = (tmp_path / "00000.tar").read_bytes()
    (tmp_path / "00000.tar").write_bytes(data[: len(data) // 2])
    measures = adopt(tmp_path, "00000.tar")
    assert 3 <= measures["pictures"]["success"] <= 6
    assert measures["pictures"]["failed"] == {"broken_shard": 1, "cut_off": 1}


def test_adopted_shards_follow_those_that_were_downloaded(tmp_path: Path) -> None:
    gallery("a.localhost", 12).write(tmp_path / "web")
    port = free_port()
    ours = crawl_pictures(Source(web=tmp_path / "web", port=port), None, tmp_path / "first", knobs(), tmp_path / "work")
    assert ours["pictures"]["success"] == 12
    source = Source(web=tmp_path / "web", port=port, files=(f"img2dataset:{tmp_path}/first/*.tar",))
    both = crawl_pictures(source, None, tmp_path / "second", knobs(), tmp_path / "work")
    assert both["pictures"] == {"attempted": 24, "success": 24, "failed": {}}
    rows = read_index(tmp_path / "second").to_pylist()
    assert [row["key"][:5] for row in rows] == ["00000"] * 10 + ["00001"] * 2 + ["00002"] * 10 + ["00003"] * 2
    own = ("key", "duplicate_of", "duplicate_kind")
    same = [{name: value for name, value in row.items() if name not in own} for row in rows]
    assert same[:12] == same[12:]
    marks = [(row["duplicate_of"], row["duplicate_kind"]) for row in rows]
    assert marks == [(None, None)] * 12 + [(row["key"], "exact") for row in rows[:12]]


def test_empty_shards_are_an_error(tmp_path: Path) -> None:
    theirs(tmp_path / "00000.tar", {})
    with pytest.raises(InputError, match=r"00000.tar yielded no picture"):
        adopt(tmp_path, "00000.tar")
