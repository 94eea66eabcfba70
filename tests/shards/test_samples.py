"""Which files of a tar are one sample, and that every picture is in one or counted."""

import io
import json
import random
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from components.errors import InputError
from components.shards.reader import REFUSALS, picture_spans, read_pictures, read_shard
from components.shards.samples import samples, split_name
from tests.shards.foreign import Tar, write_foreign


def taken(*names: str) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Files of the samples by key, and the counts of the others."""
    refused: Counter[str] = Counter()
    found = samples(((name, n, 1) for n, name in enumerate(names)), refused, 10)
    return {s.key: [names[offset] for offset, _ in s.parts.values()] for s in found}, dict(refused)


@pytest.mark.parametrize(
    ("names", "keys", "refused"),
    [
        (["0.jpg", "0.txt", "0.json", "1.webp"], {"0": "0.jpg 0.txt 0.json", "1": "1.webp"}, {}),
        (["./0.jpg", "./0.txt"], {"0": "./0.jpg ./0.txt"}, {}),
        (["././0.jpg", "0.txt"], {"0": "././0.jpg 0.txt"}, {}),
        (["a/1.jpg", "b/1.jpg"], {"a/1": "a/1.jpg", "b/1": "b/1.jpg"}, {}),
        (["a.b/1.jpg", "a.b/1.txt", "a.c/1.jpg"], {"a.b/1": "a.b/1.jpg a.b/1.txt", "a.c/1": "a.c/1.jpg"}, {}),
        (["0.JPG", "0.Txt", "1.JPEG", "2.Png"], {"0": "0.JPG 0.Txt", "1": "1.JPEG", "2": "2.Png"}, {}),
        (["0.gif", "0.txt", "1.bmp", "2.avif"], {"0": "0.gif 0.txt", "1": "1.bmp", "2": "2.avif"}, {}),
        # several dots
        (
            ["v1.0.jpg", "v1.0.txt", "v1.1.jpg", "v1.1.txt", "v1.2.jpg"],
            {"v1.0": "v1.0.jpg v1.0.txt", "v1.1": "v1.1.jpg v1.1.txt", "v1.2": "v1.2.jpg"},
            {},
        ),
        (["red.crab.jpg", "red.crab.json"], {"red.crab": "red.crab.jpg red.crab.json"}, {}),
        (["Dr. No (1.5).jpg"], {"Dr. No (1.5)": "Dr. No (1.5).jpg"}, {}),
        (["x..jpg"], {"x.": "x..jpg"}, {}),
        (["7.jpg", "7.txt", "7.seg.png"], {"7": "7.jpg 7.txt"}, {"part_of_sample": 1}),
        (["7.jpg", "7.json", "7.seg.png", "7.txt"], {"7": "7.jpg 7.json 7.txt"}, {"part_of_sample": 1}),
        (["7.depth.png", "7.jpg", "7.pose.npy"], {"7": "7.jpg"}, {"part_of_sample": 1}),
        (["photo.jpg", "photo.txt", "photo.2.jpg", "photo.2.txt"],
         {"photo": "photo.jpg photo.txt", "photo.2": "photo.2.jpg photo.2.txt"}, {}),
        (["7.image.jpg", "7.txt"], {"7": "7.txt 7.image.jpg"}, {}),
        (["7.left.jpg", "7.right.jpg", "7.txt"], {"7": "7.txt 7.left.jpg"}, {"part_of_sample": 1}),
        (["7.left.jpg", "7.right.jpg"], {"7.left": "7.left.jpg", "7.right": "7.right.jpg"}, {}),
        # the same name again
        (["0.jpg", "0.txt", "0.png"], {"0": "0.jpg 0.txt 0.png"}, {"second_picture": 1}),
        (["0.jpg", "0.txt", "0.txt"], {"0": "0.jpg 0.txt"}, {"no_picture": 1}),
        # one without the other
        (["0.jpg", "1.txt", "1.json", "2.jpg"], {"0": "0.jpg", "2": "2.jpg"}, {"no_picture": 1}),
        (["0.cls", "0.npy", "1.img"], {}, {"no_picture": 2}),
        (["a.jpg", "b.jpg", "a.txt", "b.txt"], {"a": "a.jpg", "b": "b.jpg"}, {"no_picture": 2}),
        # no sample
        (["README", "a/LICENSE", "0."], {}, {"no_extension": 3}),
        ([".png", "a/.jpg", "._0.jpg", ".DS_Store", "./.x.txt"], {}, {"hidden_file": 5}),
        ([], {}, {}),
    ],
)  # fmt: skip
def test_files_are_grouped_by_key(names: list[str], keys: dict[str, str], refused: dict[str, int]) -> None:
    found, left = taken(*names)
    assert {key: " ".join(files) for key, files in found.items()} == keys
    assert left == refused


def test_a_key_that_repeats_is_another_sample() -> None:
    refused: Counter[str] = Counter()
    names = ["0.jpg", "0.txt", "0.jpg", "0.txt", "1.jpg", "0.jpg"]
    assert [s.key for s in samples(((name, 0, 1) for name in names), refused, 9)] == ["0", "0", "1", "0"]
    assert not refused


def test_a_picture_larger_than_any_is_not_read() -> None:
    refused: Counter[str] = Counter()
    found = samples([("0.jpg", 0, 11), ("0.txt", 0, 1), ("1.jpg", 0, 10)], refused, 10)
    assert [sample.key for sample in found] == ["1"]
    assert refused == {"too_large": 1}


def test_a_run_of_many_names_is_decided_as_it_comes() -> None:
    """A tar of `v1.0.jpg` to `v1.99999.jpg` is one run; it is not held."""
    files = (f"v1.{n}.{ending}" for n in range(1000) for ending in ("jpg", "txt"))
    drawn = 0

    def read() -> object:
        nonlocal drawn
        for name in files:
            drawn += 1
            yield name, 0, 1

    found = samples(read(), Counter(), 9)  # type: ignore[arg-type]
    assert next(found).key == "v1.0"
    assert drawn < 200
    assert len(list(found)) == 999


def test_many_masks_of_one_picture_are_its_parts() -> None:
    found, refused = taken("7.jpg", *(f"7.mask{n}.png" for n in range(500)), "7.txt")
    assert found == {"7": ["7.jpg", "7.txt"]}
    assert refused == {"part_of_sample": 500}


@pytest.mark.parametrize(
    ("member", "parts"),
    [
        ("000000000.jpg", ("000000000", "000000000", "jpg")),
        ("./000000000.JPG", ("000000000", "000000000", "jpg")),
        (".//0.jpg", ("0", "0", "jpg")),
        ("a/b.c/0.seg.png", ("a/b.c/0", "a/b.c/0.seg", "png")),
        ("v1.0.jpg", ("v1", "v1.0", "jpg")),
        ("a\nb/0.jpg", ("a\nb/0", "a\nb/0", "jpg")),
        ("../0.jpg", ("../0", "../0", "jpg")),
        ("/0.jpg", ("/0", "/0", "jpg")),
        ("", "no_extension"),
        ("a/", "no_extension"),
        ("./", "no_extension"),
        ("..", "hidden_file"),
    ],
)
def test_a_name_s_parts(member: str, parts: object) -> None:
    assert split_name(member) == parts


# All readers of a tar


@pytest.mark.parametrize("seed", range(60))
def test_every_picture_of_a_tar_is_read_or_counted(tmp_path: Path, seed: int) -> None:
    tar = write_foreign(tmp_path / "0.tar", random.Random(seed))
    refused: Counter[str] = Counter()
    found = list(read_shard(tar.path, refused, foreign=True))
    assert [(p.key, p.image, p.caption) for p in found] == tar.samples
    assert refused == tar.refused
    assert set(refused) <= set(REFUSALS)


@pytest.mark.parametrize("seed", range(30))
def test_readers_by_key_take_the_first_picture_of_each_and_agree(tmp_path: Path, seed: int) -> None:
    tar = write_foreign(tmp_path / "0.tar", random.Random(seed))
    counts = [Counter[str](), Counter[str](), Counter[str]()]
    whole = {p.key: p.image for p in read_shard(tar.path, counts[0])}
    pictures = list(read_pictures(tar.path, counts[1]))
    data = tar.path.read_bytes()
    spans = {k: data[s.offset : s.offset + s.size] for k, s in picture_spans(tar.path, counts[2]).items()}
    assert whole == dict(pictures) == spans == tar.first
    assert len(pictures) == len(whole)
    repeated = len(tar.samples) - len(tar.first)
    assert counts == [tar.refused + Counter({"same_key": repeated})] * 3


@pytest.mark.parametrize("seed", range(40))
def test_of_a_tar_that_breaks_off_every_picture_before_is_read_or_counted(tmp_path: Path, seed: int) -> None:
    drawn = random.Random(seed)
    tar = write_foreign(tmp_path / "0.tar", drawn)
    data = tar.path.read_bytes()
    tar.path.write_bytes(data[: drawn.randrange(len(data.rstrip(b"\0")))])
    refused: Counter[str] = Counter()
    found = []
    with pytest.raises(InputError, match="no whole tar"):
        for picture in read_shard(tar.path, refused, foreign=True):
            found.append((picture.key, picture.image))
    assert found == [(key, image) for key, image, _ in tar.samples[: len(found)]]
    whole = _pictures_within(tar.path)
    named = sum(refused[r] for r in ("part_of_sample", "second_picture", "cut_off", "too_large"))
    assert len(found) + named == whole


def _pictures_within(path: Path) -> int:
    """Regular files with a picture's ending and all their bytes before the tar breaks off."""
    length, number = path.stat().st_size, 0
    with tarfile.open(path, "r:", ignore_zeros=False) as tar:
        try:
            for member in tar:
                whole = member.offset_data + member.size <= length and not member.issparse()
                base = member.name.rpartition("/")[2]
                pictures = (".jpg", ".png", ".gif", ".jpeg", ".webp")
                number += member.isreg() and whole and base.lower().endswith(pictures) and base[0] != "."
        except tarfile.TarError:
            return number
    return number


def test_a_record_that_is_no_record_costs_only_itself(tmp_path: Path) -> None:
    deep = b"[" * 200_000
    records = [deep, b"\xff", b"[]", b'{"caption": "\\ud800 crab", "entities": ["Q1", 7]}', b'{"entities": "Q1"}']
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for n, record in enumerate(records):
            for ending, data in (("jpg", b"one"), ("json", record)):
                info = tarfile.TarInfo(f"{n}.{ending}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    found = list(read_shard(tmp_path / "0.tar"))
    assert [picture.key for picture in found] == list("01234")
    assert [picture.entities for picture in found] == [(), (), (), ("Q1",), ()]
    assert json.dumps([picture.caption for picture in found], ensure_ascii=False).encode()


@pytest.mark.parametrize("ending", ["txt", "json"])
def test_a_text_that_is_too_long_is_left_out_and_counted(tmp_path: Path, ending: str) -> None:
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for name, data in (("0.jpg", b"one"), (f"0.{ending}", b'"' + b" " * (1 << 24) + b'"')):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    (found,) = read_shard(tmp_path / "0.tar")
    assert (found.caption, found.record, found.changes) == ("", {}, ("out_of_range",))


def test_the_generator_of_foreign_tars_makes_every_kind(tmp_path: Path) -> None:
    """Else the tests above would say less than they seem to."""
    made: Counter[str] = Counter()
    for seed in range(60):
        tar: Tar = write_foreign(tmp_path / "0.tar", random.Random(seed))
        made.update(tar.refused.keys())
        made["repeated"] += len(tar.samples) > len(tar.first)
    assert set(made) >= set(REFUSALS) - {"same_key", "cut_off", "damaged_part", "too_large"}
    assert made["repeated"]
