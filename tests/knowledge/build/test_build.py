"""The build in many small pieces gives the base of one piece, after kills and on two nodes, too."""

import bz2
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from components.errors import InputError
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.build.build import Sizes, build
from components.knowledge.build.dump import identity
from components.knowledge.parameters import KnowledgeParameters
from components.storage.s3 import Prefix
from tests import ROOT
from tests.endpoint import BUCKET, Endpoint
from tests.killing import killed_in_call, with_one_worker
from tests.knowledge.base.test_knowledge_base import contents
from tests.knowledge.conftest import built, item, lines_of

# Not in the order of their numbers, some twice, names in common.
NUMBERS = [*range(3000, 3040), *range(1, 40), 5000, 7, 3001, 4_000_000_000]
THINGS = [
    item(f"Q{n}", f"thing {n % 30}", f"number {n}", [f"it {n}", "same name"], {"P31": ["Q1"]}, n % 5) for n in NUMBERS
]
SMALL = Sizes(block=2000, range=20, partition=15)


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dump") / "dump.json.bz2"
    path.write_bytes(bz2.compress(lines_of(THINGS)))
    return path


def small(dump: Path, knobs: KnowledgeParameters) -> None:
    build(dump, Path("base"), knobs, Path("work"), sizes=SMALL)


@pytest.fixture(scope="module")
def pieces(dump: Path, knobs: KnowledgeParameters, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built in small pieces, undisturbed."""
    folder = tmp_path_factory.mktemp("pieces")
    build(dump, folder / "base", knobs, folder / "work", sizes=SMALL)
    return folder / "base"


# Pieces


def test_many_pieces_hold_the_same_entities_names_and_embeddings_as_one(
    dump: Path, pieces: Path, knobs: KnowledgeParameters, tmp_path: Path
) -> None:
    build(dump, tmp_path / "base", knobs, tmp_path / "work")
    assert len(list((pieces / "names").glob("*.marisa"))) > 4
    one, many = KnowledgeBase.open(tmp_path / "base"), KnowledgeBase.open(pieces)
    assert [one.entity(row) for row in range(len(one))] == [many.entity(row) for row in range(len(many))]
    for row in range(len(one)):
        for name in (one.entity(row).label, *one.entity(row).aliases):
            assert one.candidates(name) == many.candidates(name) != []
    np.testing.assert_array_equal(one.embeddings, many.embeddings)


def test_entities_of_many_pieces_are_sorted_and_unique_and_the_first_of_the_dump_is_kept(pieces: Path) -> None:
    table = pq.read_table(pieces / "entities.parquet")
    assert table.column("entity_id").to_pylist() == [f"Q{n}" for n in sorted(set(NUMBERS))]
    assert json.loads((pieces / "stats.json").read_text())["lines"]["duplicate"] == 2


def test_of_a_common_name_only_the_likeliest_candidates_are_read_if_asked_so(pieces: Path) -> None:
    base = KnowledgeBase.open(pieces)
    everything = base.candidates("same name")
    assert len(everything) == len(base)
    assert base.candidates("same name", 3) == everything[:3]
    assert base.candidates("it 7", 3) == base.candidates("it 7")


def test_names_are_searched_word_by_word_whatever_partition_they_are_in(
    tmp_path: Path, knobs: KnowledgeParameters
) -> None:
    names = ["the who", "the the", "who", "tale of two cities", "a tale of two cities", "the who band of london"]
    things = [item(f"Q{n}", name) for n, name in enumerate(names * 3, start=1)]
    (tmp_path / "dump.json").write_bytes(lines_of(things))
    build(tmp_path / "dump.json", tmp_path / "base", knobs, tmp_path / "work", sizes=Sizes(800, 4, 1))
    base = KnowledgeBase.open(tmp_path / "base")
    assert len(list((tmp_path / "base" / "names").glob("*.marisa"))) == 18
    words = ["the", "a", "tale", "a tale", "tale of", "tale of two", "the who", "the who band of"]
    assert [base.is_prefix(w) for w in words] == [True] * len(words)
    assert not any(
        base.is_prefix(w) for w in ["who", "the the", "th", "the w", "tale of two cities", "of", "london", ""]
    )
    assert not any(base.candidates(w) for w in ["the", "tale of", ""])
    assert base.candidates("the ") == base.candidates("the") == []
    assert [len(base.candidates(name)) for name in names] == [3] * len(names)


def test_a_line_longer_than_a_block_is_read(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    things = [item("Q1", "one", "x" * 9000), item("Q2", "two"), item("Q3", "three", "y" * 9000)]
    (tmp_path / "dump.json").write_bytes(lines_of(things))
    assert build(tmp_path / "dump.json", tmp_path / "base", knobs, tmp_path / "work", sizes=SMALL)["items"] == 3


# Kills, workers, nodes


@pytest.mark.parametrize(
    ("deadly", "call"),
    [
        ("components.execution.shard_map._stop_if_bad", 3),  # within the dump
        ("components.knowledge.build.build.write_entities", 1),  # between merging and the table
        pytest.param("components.execution.shard_map._stop_if_bad", 14, marks=pytest.mark.slow),
        pytest.param("components.knowledge.build.build.write_index", 1, marks=pytest.mark.slow),
        pytest.param("components.knowledge.build.build._embed", 1, marks=pytest.mark.slow),
        pytest.param("components.knowledge.build.build.publish", 1, marks=pytest.mark.slow),
        pytest.param("components.knowledge.build.build.drop_finished", 1, marks=pytest.mark.slow),
    ],
)
def test_a_killed_build_resumes_to_the_same_bytes(
    dump: Path,
    pieces: Path,
    knobs: KnowledgeParameters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ray_cluster: None,
    deadly: str,
    call: int,
) -> None:
    assert killed_in_call(deadly, call, tmp_path, small, dump, knobs)
    monkeypatch.chdir(tmp_path)
    small(dump, knobs)
    assert contents(tmp_path / "base") == contents(pieces)
    assert not (tmp_path / "work").exists()


def test_a_resumed_build_does_not_read_finished_blocks_again(
    dump: Path, knobs: KnowledgeParameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ray_cluster: None
) -> None:
    assert killed_in_call("components.knowledge.build.build.split_ranges", 1, tmp_path, small, dump, knobs)
    monkeypatch.chdir(tmp_path)
    for part in (tmp_path / "work" / "parse" / "finished").iterdir():
        os.utime(part, ns=(1, 1))
    assert killed_in_call("components.knowledge.build.build.write_index", 1, tmp_path, small, dump, knobs)
    assert {p.stat().st_mtime_ns for p in (tmp_path / "work" / "parse" / "finished").iterdir()} == {1}


@pytest.mark.slow
def test_one_worker_makes_the_bytes_that_several_make(
    dump: Path, pieces: Path, knobs: KnowledgeParameters, tmp_path: Path
) -> None:
    with_one_worker(tmp_path, small, dump, knobs)
    assert contents(tmp_path / "base") == contents(pieces)


def test_two_nodes_make_in_a_bucket_the_base_of_a_dump_there_that_one_machine_makes_of_a_file_in_a_folder(
    two_nodes: str, s3: Endpoint, dump: Path, knobs: KnowledgeParameters, tmp_path: Path
) -> None:
    # By way of the endpoint, which remembers what its folders held.
    Prefix.of(f"s3://{BUCKET}/dumps/").put(dump, "dump.json.bz2")
    for name in ("00000.marisa", "00077.marisa", "notes.txt"):
        Prefix.of(f"s3://{BUCKET}/bases/names/").write(name, b"older")
    defaults = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(defaults | {"knowledge": knobs.model_dump(mode="json")}))
    known = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    subprocess.run(
        [
            sys.executable,
            "-m",
            "components.cli.main",
            "knowledge",
            "build",
            "--dump",
            f"s3://{BUCKET}/dumps/dump.json.bz2",
            "--out",
            f"s3://{BUCKET}/bases",
        ],
        cwd=tmp_path,
        env=known | s3.environment | {"RAY_ADDRESS": two_nodes, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    build(dump, tmp_path / "alone", knobs, tmp_path / "work")
    assert s3.objects("bases") == contents(tmp_path / "alone") | {"_SUCCESS": b"", "names/notes.txt": b"older"}


def test_another_dump_at_the_same_place_is_another_dump(tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    path.write_text("[\n]\n")
    before = identity(str(path))
    assert identity(str(path)) == before
    path.write_text("[\n\n]\n")
    assert identity(str(path)) != before


# What is left out


def test_instances_of_kinds_of_an_excluded_class_are_left_out(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    things = [
        item("Q5", "Anna", claims={"P31": ["Q20"]}),
        item("Q20", "female given name", claims={"P279": ["Q21"]}),
        item("Q21", "given name for a person", claims={"P279": ["Q4167410"]}),
        item("Q6", "tree", claims={"P31": ["Q30"]}),
        item("Q4167410", "what is excluded", claims={"P279": ["Q20"]}),  # a circle
    ]
    opened = built(things, tmp_path, knobs)
    assert [opened.entity_id(row) for row in range(len(opened))] == ["Q6", "Q20", "Q21", "Q4167410"]
    assert json.loads((tmp_path / "base" / "stats.json").read_text())["lines"] == {
        "lines": 5,
        "kept": 4,
        "excluded_class": 1,
    }


def test_too_many_bad_lines_stop_the_build(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    many = [item(f"Q{n}", "x") for n in range(1, 199)]
    built([*many, {"no": "id"}], tmp_path, knobs)
    with pytest.raises(InputError, match=r"3 of 201 items failed, more than the share of 0\.01.*no_entity.*knowledge"):
        built([*many, 1, 2, 3], tmp_path, knobs)
