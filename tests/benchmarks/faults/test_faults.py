"""The demonstration of faults sees losses, doubles, orphans, and refusals without a reason."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from benchmarks.faults import two_at_once
from benchmarks.faults.commands import COMMANDS
from benchmarks.faults.content import content, leftovers, registry_problems
from benchmarks.faults.journal import Journal, Try, show
from benchmarks.faults.process import Run
from components.errors import SetupError
from components.storage.claims import claim
from tests import ROOT

# `Popen` returns when the process has its own name; a shell would before.
_ORPHANS = """
import subprocess, sys
from benchmarks.faults import process
process.adopt_orphans()
known = process.children()
subprocess.run([sys.executable, "-c", "import subprocess; subprocess.Popen(['sleep', '987'])"], check=True)
print(process.orphans(known, patience=0.0), process.orphans(known, patience=0.0))
"""

_CLAIMS = """
import sys
from pathlib import Path
from components.storage.claims import claim
claim(Path(sys.argv[1]))
print(flush=True)
input()
"""


def test_a_process_that_outlives_its_parent_is_named_and_ended() -> None:
    done = subprocess.run([sys.executable, "-c", _ORPHANS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sleep 987'] []"


def test_every_pair_of_commands_is_tried_and_the_same_twice_first() -> None:
    pairs = two_at_once.pairs()
    names = {tuple(sorted((one.name, other.name))) for one, other in pairs}
    assert len(pairs) == len(names)
    assert names == set(combinations_with_replacement(sorted(COMMANDS), 2))
    assert all(one is other for one, other in pairs[: len(COMMANDS)])


def test_a_half_written_page_counts_and_seconds_do_not(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / "index.html").write_text("<html></html>\n")
    (reports / "summary.json").write_text(json.dumps({"pictures": 3, "seconds": {"crawl": 1.0}, "seconds_total": 1.0}))
    first = content(tmp_path, ["reports"])
    (reports / "summary.json").write_text(json.dumps({"pictures": 3, "seconds": {"crawl": 2.0}, "seconds_total": 2.0}))
    assert content(tmp_path, ["reports"]) == first
    (reports / "summary.json").write_text(json.dumps({"pictures": 4}))
    assert content(tmp_path, ["reports"]) != first
    (reports / "index.html").write_text("<html>")
    assert content(tmp_path, ["reports"])["reports/index.html"] == "half"


def registry(project: Path, digests: list[str]) -> None:
    with closing(sqlite3.connect(project / "mlflow.db")) as made, made:
        made.execute("create table model_version_tags (key, value)")
        made.execute("create table model_versions (version, storage_location)")
        made.execute("create table registered_model_aliases (alias, version)")
        made.execute("create table experiments (name)")
        made.execute("insert into experiments values ('mofi')")
        made.execute("insert into registered_model_aliases values ('champion', 1)")
        for number, digest in enumerate(digests):
            made.execute("insert into model_versions values (?, '')", [number])
            made.execute("insert into model_version_tags values ('sha256', ?)", [digest])


@pytest.mark.parametrize(("digests", "problems"), [(["a", "b"], 0), (["a", "a"], 1)])
def test_two_versions_of_one_model_are_a_problem(tmp_path: Path, digests: list[str], problems: int) -> None:
    registry(tmp_path, digests)
    assert len(registry_problems(tmp_path)) == problems


def test_unfinished_work_and_half_results_are_left_over(tmp_path: Path) -> None:
    for name in (".work/crawl/0123/work.json", "data/.crawl.old/00000.tar", "data/crawl/00000.tar"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert leftovers(tmp_path) == [".work/crawl/0123", "data/.crawl.old"]


def ended(log: Path, code: int, said: str) -> Run:
    log.write_text(said)
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait()
    return Run(process, log)


def test_a_refusal_names_who_is_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "stage" / "mark"
    other = subprocess.Popen(
        [sys.executable, "-c", _CLAIMS, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()  # it has claimed it
    with pytest.raises(SetupError) as refused:
        claim(folder)
    other.kill()
    other.communicate()
    log = tmp_path / "log"
    assert not [*two_at_once.problems_of(ended(log, 3, f"mofi: SetupError: {refused.value}\n"))]
    assert [*two_at_once.problems_of(ended(log, 3, "mofi: InputError: data/crawl is missing; run it\n"))]
    assert [*two_at_once.problems_of(ended(log, 1, "Traceback (most recent call last):\nKeyError: 1\n"))]


def test_a_good_try_is_not_repeated_and_a_bad_one_is_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for one in (Try("kills", "crawl", 0, "SIGKILL", ["lost"]), Try("kills", "label", 0, "SIGKILL")):
        journal.add(one)
    assert journal.good() == {("kills", "label", 0)}
    assert show(journal.read().values()) == 1
    journal.add(Try("kills", "crawl", 0, "SIGKILL"))
    assert show(journal.read().values()) == 0
