"""Picture shards: img2dataset's layout, reproducible byte for byte, readable by others."""

import io
import json
import tarfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.errors import InputError
from components.shards.format import (
    INDEX_SCHEMA,
    LABELLED_INDEX_SCHEMA,
    PICTURE_SCHEMA,
    picture_key,
    shard_name,
    shard_numbers,
)
from components.shards.index import read_index
from components.shards.reader import read_pictures, read_shard
from components.shards.writer import Row, write_shard


def png(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(buffer, "PNG")
    return buffer.getvalue()


def rows(shard: int = 0) -> list[Row]:
    """Two pictures, and one that could not be had between them."""
    common = {"status": "success", "width": 4, "height": 4, "phash": 2**64 - 1, "site": "a.localhost"}
    return [
        Row({"key": picture_key(shard, 0), "url": "http://a.localhost/1.png", "caption": "crab", **common}, png(4)),
        Row(
            {"key": picture_key(shard, 1), "url": "u", "status": "failed_to_download", "error_message": "HTTP 404"},
        ),
        Row({"key": picture_key(shard, 2), "url": "v", "caption": None, **common}, b"webp bytes", "webp", {"more": 1}),
    ]


def tar_of(path: Path, members: list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


# Writing


def test_a_shard_is_a_tar_an_index_and_its_statistics(tmp_path: Path) -> None:
    statuses = write_shard(tmp_path, 12, rows(12))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00012.parquet", "00012.tar", "00012_stats.json"]
    assert statuses == Counter({"success": 2, "HTTP 404": 1})
    assert json.loads((tmp_path / "00012_stats.json").read_text()) == {
        "count": 3,
        "successes": 2,
        "failed_to_download": 1,
        "failed_to_resize": 0,
        "status_dict": {"HTTP 404": 1, "success": 2},
    }


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_shard(tmp_path / place, 0, rows())
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_the_tar_names_no_time_and_no_owner(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, rows())
    with tarfile.open(tmp_path / "00000.tar") as tar:
        members = tar.getmembers()
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    assert [m.name for m in members] == [
        f"{k}.{e}" for k, p in (("000000000", "png"), ("000000002", "webp")) for e in (p, "txt", "json")
    ]


def test_another_reader_groups_the_members_by_key_as_webdataset_does(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, rows())
    samples: dict[str, dict[str, bytes]] = defaultdict(dict)
    with tarfile.open(tmp_path / "00000.tar") as tar:
        for member in tar.getmembers():
            key, _, kind = member.name.partition(".")
            samples[key][kind] = tar.extractfile(member).read()
    assert samples["000000000"]["png"] == png(4)
    assert samples["000000000"]["txt"] == b"crab"
    assert json.loads(samples["000000002"]["json"])["more"] == 1
    assert samples["000000002"]["txt"] == b""


def test_the_index_has_img2datasets_columns_and_types_first(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, rows())
    schema = pq.read_schema(tmp_path / "00000.parquet")
    text, whole = pa.string(), pa.int32()
    theirs = {"url": text, "key": text, "status": text, "error_message": text, "width": whole, "height": whole}
    theirs |= {"original_width": whole, "original_height": whole, "sha256": text, "caption": text}
    assert dict(zip(schema.names[:10], schema.types[:10], strict=True)) == theirs
    ours = "page_url page_title page_language context site phash http_status original_sha256"
    ours += " colours duplicate_of duplicate_kind"
    assert schema.names[10:] == ours.split()
    assert schema.field("phash").type == pa.uint64()


def test_the_index_has_a_row_for_every_attempt_and_the_tar_the_same_of_each_picture(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, rows())
    table = pq.read_table(tmp_path / "00000.parquet").to_pylist()
    assert [row["status"] for row in table] == ["success", "failed_to_download", "success"]
    assert table[0]["phash"] == 2**64 - 1
    for row in table:
        for name in INDEX_SCHEMA.names:
            if name not in PICTURE_SCHEMA.names:
                del row[name]
    records = [picture.record for picture in read_shard(tmp_path / "00000.tar")]
    assert records[0] == table[0]
    assert records[1] == table[2] | {"more": 1}


def test_a_labelled_index_also_has_the_entities(tmp_path: Path) -> None:
    record = {"key": "000000000", "status": "success", "entities": ["Q2", "Q1"]}
    write_shard(tmp_path, 0, [Row(record, png(2))], LABELLED_INDEX_SCHEMA)
    assert read_index(tmp_path)["entities"].to_pylist() == [["Q2", "Q1"]]
    assert next(read_shard(tmp_path / "00000.tar")).record["entities"] == ["Q2", "Q1"]


def test_keys_are_shard_and_position_in_nine_digits() -> None:
    assert (shard_name(12), picture_key(12, 345)) == ("00012", "000120345")
    assert picture_key(99_999, 9_999) == "999999999"


@pytest.mark.parametrize(("shard", "position"), [(0, 10_000), (100_000, 0), (-1, 0), (0, -1)])
def test_a_number_that_has_no_key_is_an_error_not_another_pictures_key(shard: int, position: int) -> None:
    with pytest.raises(InputError, match=rf"picture {position} of shard {shard} has no key.*10000 pictures"):
        picture_key(shard, position)


# Reading


@given(st.lists(st.tuples(st.text(max_size=40), st.binary(max_size=600)), max_size=4))
@settings(max_examples=50, deadline=None)
def test_whatever_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, samples: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("shard")
    written = [
        Row({"key": picture_key(0, n), "status": "success", "caption": caption}, data)
        for n, (caption, data) in enumerate(samples)
    ]
    write_shard(folder, 0, written)
    found = [(p.key, p.caption, p.image, p.extension) for p in read_shard(folder / "00000.tar")]
    assert found == [(r.record["key"], r.record["caption"], r.image, "png") for r in written]


def test_img2datasets_own_tars_are_read(tmp_path: Path) -> None:
    record = {"caption": "a crab", "url": "u", "key": "000000000", "status": "success", "exif": "{}", "sha256": "0"}
    members = [("000000000.jpg", b"one"), ("000000000.json", json.dumps(record).encode()), ("000000000.txt", b"a crab")]
    members += [("000000001.jpg", b"two"), ("000000001.txt", "Krabbe – naß".encode()), ("000000002.webp", b"three")]
    found = list(read_shard(tar_of(tmp_path / "0.tar", members)))
    assert [(p.key, p.extension, p.image) for p in found] == [
        ("000000000", "jpg", b"one"),
        ("000000001", "jpg", b"two"),
        ("000000002", "webp", b"three"),
    ]
    assert [p.caption for p in found] == ["a crab", "Krabbe – naß", ""]
    assert [p.record.get("url") for p in found] == ["u", None, None]


def test_pictures_alone_are_those_of_the_shard(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, rows())
    path = tmp_path / "00000.tar"
    assert list(read_pictures(path)) == [(p.key, p.image) for p in read_shard(path)]
    members = [("a.cls", b"3"), ("b.jpg", b"one"), ("b.json", b"{")]
    assert list(read_pictures(tar_of(tmp_path / "1.tar", members))) == [("b", b"one")]


def test_a_caption_that_only_the_record_has_is_taken_from_there(tmp_path: Path) -> None:
    members = [("a.jpg", b"one"), ("a.json", b'{"caption": "a crab"}')]
    assert next(read_shard(tar_of(tmp_path / "0.tar", members))).caption == "a crab"


def test_folders_upper_case_and_other_members_do_not_disturb(tmp_path: Path) -> None:
    members = [("./n01.v2/7.JPG", b"one"), ("./n01.v2/7.seg.png", b"mask"), ("./n01.v2/._7.jpg", b"junk")]
    members += [("./n01.v2/8.cls", b"3"), ("./README", b"hello"), ("./n01.v2/9.jpeg", b"two")]
    found = list(read_shard(tar_of(tmp_path / "0.tar", members)))
    assert [(p.key, p.extension, p.image) for p in found] == [
        ("n01.v2/7", "jpg", b"one"),
        ("n01.v2/9", "jpeg", b"two"),
    ]


@pytest.mark.parametrize("damage", [b"{", b"[1]", b"\xff\xfe", b"null"])
def test_a_record_that_is_no_object_costs_only_the_record(tmp_path: Path, damage: bytes) -> None:
    members = [("a.jpg", b"one"), ("a.json", damage), ("a.txt", b"\xff crab")]
    picture = next(read_shard(tar_of(tmp_path / "0.tar", members)))
    assert (picture.image, picture.record, picture.caption) == (b"one", {}, "ÿ crab")


def test_a_shard_without_pictures_is_empty_not_an_error(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, [])
    assert list(read_shard(tmp_path / "00000.tar")) == []
    assert read_index(tmp_path).num_rows == 0


def _damaged_header(data: bytes) -> bytes:
    """The third sample's header loses its checksum."""
    at = data.index(b"000000002.webp")
    return data[: at + 148] + b"\xff" * 8 + data[at + 156 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:100],
        lambda data: data[:700],
        lambda data: data[: data.index(b"000000002.webp")],
        lambda data: data[: data.index(b"000000002.webp") + 512],
        lambda data: b"\xff" * len(data),
        _damaged_header,
    ],
    ids=["empty", "in-a-header", "in-a-picture", "between-two", "before-data", "noise", "bad-header"],
)
def test_a_damaged_tar_is_an_error_that_names_the_file(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    write_shard(tmp_path, 0, rows())
    path = tmp_path / "00000.tar"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"00000\.tar is no whole tar .*; delete it and run its stage again"):
        list(read_shard(path))


def test_a_missing_tar_and_a_folder_in_its_place_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"00000\.tar is missing"):
        list(read_shard(tmp_path / "00000.tar"))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_shard(tmp_path))


# Folders of shards


def test_an_index_is_read_in_the_order_of_the_shards(tmp_path: Path) -> None:
    for number in (10, 2):
        write_shard(tmp_path, number, rows(number))
    (tmp_path / "vocabulary.parquet").touch()
    assert shard_numbers(tmp_path) == [2, 10]
    index = read_index(tmp_path)
    assert index.schema.names == INDEX_SCHEMA.names
    assert index["key"].to_pylist() == [picture_key(n, p) for n in (2, 10) for p in range(3)]


def test_shards_that_others_wrote_may_lack_types_and_have_more_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": ["0"], "error_message": pa.nulls(1)}), tmp_path / "00000.parquet")
    pq.write_table(pa.table({"exif": ["{}"], "key": ["1"], "error_message": ["HTTP 404"]}), tmp_path / "00001.parquet")
    assert read_index(tmp_path).to_pylist() == [
        {"key": "0", "error_message": None},
        {"key": "1", "error_message": "HTTP 404"},
    ]


def test_a_damaged_index_or_one_without_a_column_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, 0, rows())
    for content in (b"PAR1 nonsense", b""):
        (tmp_path / "00001.parquet").write_bytes(content)
        with pytest.raises(InputError, match=r"00001\.parquet is not an index like the others"):
            read_index(tmp_path)
    pq.write_table(pa.table({"key": ["1"]}), tmp_path / "00001.parquet")
    with pytest.raises(InputError, match=r"00001\.parquet .*url"):
        read_index(tmp_path)


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_folder_without_shards_says_what_to_run(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=f"{folder} holds no shard .*run the stage that writes it"):
        read_index(tmp_path / folder)
