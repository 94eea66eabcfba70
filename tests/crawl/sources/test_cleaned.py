"""A crawl of files by others: what was changed is in its measures, and a wrong list stops it."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from components.crawl.crawl import Source, crawl_pictures
from components.errors import InputError
from tests.crawl.conftest import drawing, encoded, knobs

pytestmark = pytest.mark.usefixtures("ray_cluster")


def shard(path: Path, records: list[bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for number, record in enumerate(records):
            for ending, content in {"jpg": encoded(drawing(number), "JPEG"), "json": record}.items():
                member = tarfile.TarInfo(f"{number:09d}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def test_what_was_changed_in_lists_and_shards_is_counted(tmp_path: Path) -> None:
    shard(
        tmp_path / "00000.tar",
        [
            json.dumps(
                {"caption": "a red crab", "page_title": "crabs \ud83d", "original_width": 99_999_999_999}
            ).encode(),
            json.dumps({"caption": ["a grey heron", "a heron"], "original_height": True}).encode(),
        ],
    )
    (tmp_path / "list.csv").write_bytes("Image URL;Alt Text\nhttp://127.0.0.1/1.jpg;a café\n".encode("latin-1"))
    files = (f"img2dataset:{tmp_path}/00000.tar", f"urls:{tmp_path}/list.csv")
    measures = crawl_pictures(Source(files=files), None, tmp_path / "out", knobs(), tmp_path / "work")
    assert measures["cleaned"] == {"characters": 1, "encoding": 1, "list": 1, "out_of_range": 1, "wrong_type": 1}
    assert measures["pictures"] == {"attempted": 3, "success": 2, "failed": {"private_address": 1}}


def test_a_list_without_the_columns_stops_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("url,caption\nhttp://127.0.0.1/1.jpg,a crab\n")
    (tmp_path / "bad.csv").write_text("foo,bar\nx,y\n")
    files = (f"urls:{tmp_path}/good.csv", f"urls:{tmp_path}/bad.csv")
    with pytest.raises(InputError, match=r"bad\.csv: no column .* among 'foo', 'bar'; name it with --url-column"):
        crawl_pictures(Source(files=files), None, tmp_path / "out", knobs(), tmp_path / "work")
