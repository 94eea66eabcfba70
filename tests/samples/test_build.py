"""A small build of the sample: disjoint web and benchmark, truth table, deterministic bytes."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.images.decode import open_rgb
from samples import benchmark
from samples.build import TRUTH_SCHEMA, build
from samples.concepts import SETS, Concept, foundry, held_out
from tests.processes import command_line
from tests.samples.conftest import FEW, ROOT

ADDRESS = re.compile(r"http://([a-z0-9-]+)\.localhost:8765(/.+)")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


# The benchmark


def test_benchmark_files_are_the_listed_ones_and_decode_at_128_px(sample: Path) -> None:
    listed = rows(sample / "benchmark" / "images.parquet")
    files = sorted(p.name for p in (sample / "benchmark" / "images").iterdir())
    assert [row["file"] for row in listed] == files
    for name in files:
        image = Image.open(sample / "benchmark" / "images" / name)
        assert (image.format, image.size) == ("JPEG", (128, 128))


def test_benchmark_pictures_show_held_out_concepts_only_and_all_drawings_of_them(sample: Path) -> None:
    listed = rows(sample / "benchmark" / "images.parquet")
    assert all(held_out(row["concept"]) for row in listed)
    assert all(row["foundry"] == foundry(row["art_set"]) for row in listed)
    for category in {row["category"] for row in listed}:
        drawn = [row for row in listed if row["category"] == category]
        assert len(drawn) >= FEW.drawings
        assert len({row["concept"] for row in drawn}) == 1


def test_categories_are_numbered_as_in_gpr1200_those_of_one_domain_in_a_row(concepts: list[Concept]) -> None:
    listed = benchmark.entries([c for c in concepts if held_out(c.key)])
    assert all(re.fullmatch(r"\d{4}_[a-z0-9-]+\.jpg", entry.file) for entry in listed)
    assert all(entry.file == f"{entry.category:04d}_{entry.drawing.art_set}.jpg" for entry in listed)
    domain_of = {entry.category: entry.concept.domain for entry in listed}
    assert list(domain_of) == list(range(len(domain_of)))
    changes = sum(one != other for one, other in pairwise(domain_of.values()))
    assert changes == len(set(domain_of.values())) - 1


def test_near_copies_decode_and_are_a_little_smaller_and_a_little_cut(modules: Path, concepts: list[Concept]) -> None:
    listed = benchmark.entries([c for c in concepts if held_out(c.key)])
    planted = benchmark.near_copies(modules, listed, 24, 7)
    copies = [copy for several in planted.values() for copy in several]
    assert len({copy.source for copy in copies}) == len({copy.path for copy in copies}) == 24
    for copy in copies:
        entry = next(e for e in listed if e.file == copy.source)
        original = open_rgb(benchmark.draw(modules, entry))
        shown = open_rgb(copy.image)
        assert 80 <= shown.width == shown.height <= 128
        difference = np.subtract(original.resize((32, 32)), shown.resize((32, 32)), dtype=np.float32)
        assert 0 < np.abs(difference).mean() < 12
        assert copy.image != benchmark.draw(modules, entry)


def test_another_seed_plants_other_copies(modules: Path, concepts: list[Concept]) -> None:
    listed = benchmark.entries([c for c in concepts if held_out(c.key)])[:60]
    sources = [
        {copy.source for several in benchmark.near_copies(modules, listed, 5, seed).values() for copy in several}
        for seed in (7, 7, 8)
    ]
    assert sources[0] == sources[1] != sources[2]


# The web and its truth


def test_there_is_a_site_for_every_art_set(sample: Path) -> None:
    assert {p.stem for p in (sample / "web").glob("*.zip")} == set(SETS)


def test_truth_refers_to_pictures_that_are_served(sample: Path) -> None:
    table = pq.read_table(sample / "truth.parquet")
    assert table.schema.equals(TRUTH_SCHEMA)
    truth = table.to_pylist()
    assert truth == sorted(truth, key=lambda row: row["url"])
    assert len({row["url"] for row in truth}) == len(truth) > 200
    names = {p.stem: set(zipfile.ZipFile(p).namelist()) for p in (sample / "web").glob("*.zip")}
    for row in truth:
        site, path = ADDRESS.fullmatch(row["url"]).groups()
        assert site == row["art_set"]
        assert path[1:] in names[site]


def test_only_planted_pictures_show_held_out_concepts(sample: Path) -> None:
    planted = {row["url"]: row["file"] for row in rows(sample / "planted.parquet")}
    assert len(planted) == FEW.planted
    showing = {row["url"] for row in rows(sample / "truth.parquet") if held_out(row["concept"])}
    assert showing == set(planted)
    assert set(planted.values()) <= {p.name for p in (sample / "benchmark" / "images").iterdir()}


def test_no_served_picture_has_the_pixels_of_a_benchmark_picture(sample: Path) -> None:
    def pixels(data: bytes) -> bytes:
        return open_rgb(data).resize((16, 16), Image.Resampling.BOX).tobytes()

    forbidden = {pixels(p.read_bytes()) for p in (sample / "benchmark" / "images").iterdir()}
    planted = {row["url"] for row in rows(sample / "planted.parquet")}
    for row in rows(sample / "truth.parquet"):
        if row["url"] not in planted:
            site, path = ADDRESS.fullmatch(row["url"]).groups()
            data = zipfile.ZipFile(sample / "web" / f"{site}.zip").read(path[1:])
            assert pixels(data) not in forbidden, row


def test_entities_of_the_truth_are_in_the_knowledge_base(sample: Path) -> None:
    import bz2

    known = set(
        re.findall(
            rb'^\{"type":"item","id":"(Q\d+)"', bz2.decompress((sample / "knowledge.json.bz2").read_bytes()), re.M
        )
    )
    entities = {row["entity_id"] for row in rows(sample / "truth.parquet")} - {None}
    assert len(entities) > 5
    assert {entity.encode() for entity in entities} <= known


def test_pages_never_name_a_q_id(sample: Path) -> None:
    for path in (sample / "web").glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".html"):
                    assert not re.search(rb"\bQ\d+\b", archive.read(name)), (path, name)


# Building


def test_a_second_build_replaces_the_first_with_the_same_bytes(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "left.zip").write_bytes(b"left by a killed build")
    counts = build(FEW, tmp_path)
    assert contents(tmp_path) == contents(sample)
    assert counts["web_pictures"] == len(rows(sample / "truth.parquet"))
    assert counts["benchmark_pictures"] == len(rows(sample / "benchmark" / "images.parquet"))
    assert counts["planted"] == FEW.planted


@pytest.mark.parametrize("linked", [True, False], ids=["link", "mount"])
def test_a_build_goes_to_another_disk(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    """A mounted folder is one whose neighbours lie on another disk: nothing may be moved there."""
    monkeypatch.chdir(ROOT)
    out, rename = tmp_path / "disk" / "sample", os.rename
    out.mkdir(parents=True)

    def across(source: os.PathLike[str], target: os.PathLike[str]) -> None:
        if Path(source).is_relative_to(out) != Path(target).is_relative_to(out):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
        rename(source, target)

    monkeypatch.setattr(os, "rename", across)
    monkeypatch.setattr(os, "replace", across)
    given = out
    if linked:
        given = tmp_path / "sample"
        given.symlink_to(out)
    (out.parent / f"{out.name}.part").mkdir()  # of a killed build
    build(FEW, given)
    assert contents(out) == contents(sample)
    assert given.is_symlink() == linked
    assert [path.name for path in out.parent.iterdir() if not path.name.startswith(".")] == [out.name]


def test_a_build_that_is_killed_leaves_no_worker_behind(modules: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from samples.build import build\n"
        "from components.cli.parameters import SampleParameters\n"
        "if __name__ == '__main__':\n"
        "    build(SampleParameters.model_validate_json(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    (tmp_path / "program.py").write_text(code)
    knobs = FEW.model_copy(update={"drawings": 4}).model_dump_json()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "program.py"), knobs, str(tmp_path / "out")]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    family = psutil.Process(process.pid)
    workers: list[psutil.Process] = []
    while not any("spawn_main" in command_line(worker) for worker in workers):
        assert process.poll() is None
        workers = family.children()
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive


def test_pictures_of_the_web_are_those_of_the_icons(sample: Path) -> None:
    with zipfile.ZipFile(sample / "web" / "simple-icons.zip") as archive:
        image = Image.open(io.BytesIO(archive.read("img/python.png")))
    assert (image.format, image.size) == ("PNG", (64, 64))
