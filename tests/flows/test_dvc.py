"""The flow's view of DVC, on real small DVC projects."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import SetupError
from flows import dvc
from tests.processes import has_ended

DVC_YAML = """\
stages:
  first:
    cmd: seq 100 && echo one > one.txt
    outs: [one.txt]
  second:
    foreach: [a, b]
    do:
      cmd: cat one.txt knob.yaml > two-${item}.txt
      deps: [one.txt]
      params:
        - knob.yaml: [knob]
      outs: ["two-${item}.txt"]
  third:
    cmd: "cat two-a.txt two-b.txt > three.txt"
    deps: [two-a.txt, two-b.txt]
    outs: [three.txt]
  aside:
    cmd: echo aside > aside.txt
    outs: [aside.txt]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", "."], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True, env=dvc.environment())
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "knob.yaml").write_text("knob: 1\n")
    return tmp_path


def run_all() -> dict[str, bool]:
    return {stage: dvc.reproduce(stage, lambda line: None) for stage in dvc.read_graph().order}


def test_graph_orders_stages_after_what_they_need_and_knows_what_lies_below():
    graph = dvc.parse_dot('strict digraph  {\n"a";\n"b@x";\n"c";\n"d";\n"a" -> "b@x";\n"b@x" -> "c";\n}\n')
    assert graph.order.index("a") < graph.order.index("b@x") < graph.order.index("c")
    assert graph.below(["b@x"]) == {"b@x", "c"}
    assert graph.above("b@x") == {"a", "b@x"}
    assert graph.needs["d"] == frozenset()


def test_stages_run_once_and_a_changed_parameter_reruns_only_what_lies_below(project: Path):
    assert set(run_all().values()) == {True}
    assert dvc.changed_stages() == set()
    (project / "knob.yaml").write_text("knob: 2\n")
    assert dvc.changed_stages() == {"second@a", "second@b"}
    assert run_all() == {"first": False, "second@a": True, "second@b": True, "third": True, "aside": False}
    assert "knob: 2" in (project / "three.txt").read_text()


def test_a_failing_stage_names_itself_and_its_last_words(project: Path):
    (project / "dvc.yaml").write_text("stages:\n  bad:\n    cmd: \"echo 'mofi: InputError: it is empty'; exit 3\"\n")
    with pytest.raises(
        dvc.StageFailed, match=r"stage bad failed \(exit code 3\): mofi: InputError: it is empty"
    ) as caught:
        dvc.reproduce("bad", lambda line: None)
    assert not caught.value.repeatable


def test_a_stage_that_was_killed_may_be_repeated(project: Path):
    (project / "dvc.yaml").write_text("stages:\n  bad:\n    cmd: kill -9 $$\n")
    with pytest.raises(dvc.StageFailed) as caught:
        dvc.reproduce("bad", lambda line: None)
    assert caught.value.repeatable


def test_an_interrupt_ends_the_stage_and_its_children(project: Path):
    (project / "dvc.yaml").write_text("stages:\n  long:\n    cmd: echo child $$ && sleep 1000\n")
    seen: list[int] = []

    def interrupt(line: str) -> None:
        if line.startswith("child"):
            seen.append(int(line.split()[1]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dvc.reproduce("long", interrupt)
    assert has_ended(seen[0])
    assert list(dvc.NOTES.iterdir()) == []


def left_behind(stage: str, leader: int) -> Path:
    """The note of a stage whose flow is gone."""
    note = dvc._remember(stage, leader)
    content = json.loads(note.read_text())
    note.write_text(json.dumps(content | {"flow": [content["flow"][0], 1.0]}))
    return note


def test_orphans_are_ended_but_a_stranger_with_the_id_of_one_is_not(project: Path):
    sleepers = [subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(2)]
    for number, sleeper in enumerate(sleepers):
        left_behind(f"folder/dvc.yaml:stage@{number}", sleeper.pid)
    assert dvc.end_orphans() == ["folder/dvc.yaml:stage@0", "folder/dvc.yaml:stage@1"]
    assert [sleeper.wait() for sleeper in sleepers] == [-signal.SIGTERM, -signal.SIGTERM]
    note = left_behind("stage", os.getpid())
    note.write_text(json.dumps(json.loads(note.read_text()) | {"leader": [os.getpid(), 1.0]}))
    assert dvc.end_orphans() == []
    assert list(dvc.NOTES.iterdir()) == []


def test_stages_of_a_flow_that_is_alive_are_left_alone(project: Path):
    sleeper = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    dvc._remember("stage", sleeper.pid)
    assert dvc.end_orphans() == []
    assert sleeper.poll() is None
    dvc.end_group(sleeper)


def test_what_outlives_its_killed_leader_is_ended_as_well(project: Path):
    script = "trap 'echo cleaned > cleaned.txt; exit' TERM; echo $$ > child.txt; while :; do sleep 0.1; done"
    leader = subprocess.Popen(
        ["sh", "-c", f"sh -c '{script.replace(chr(39), chr(34))}' & wait"], start_new_session=True
    )
    while not (project / "child.txt").exists() or not (project / "child.txt").read_text().strip():
        assert leader.poll() is None
    left_behind("stage", leader.pid)
    leader.kill()
    leader.wait()
    assert dvc.end_orphans() == ["stage"]
    child = int((project / "child.txt").read_text())
    assert has_ended(child)
    assert (project / "cleaned.txt").read_text() == "cleaned\n"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"leader": 1, "flow": 2}', '{"leader": ["x", 1], "flow": [2, 3]}', "\udcff"]
)
def test_a_note_that_a_full_disk_left_broken_counts_as_none(project: Path, content: str):
    dvc.NOTES.mkdir(parents=True)
    (dvc.NOTES / "crawl.json").write_text(content, errors="surrogateescape")
    assert dvc.end_orphans() == []
    assert list(dvc.NOTES.iterdir()) == []


def test_a_note_that_cannot_be_written_ends_the_stage(project: Path):
    dvc.NOTES.parent.mkdir()
    dvc.NOTES.write_text("in the way")
    with pytest.raises(SetupError, match=r"flow/first\.json cannot be written"):
        dvc.reproduce("first", lambda line: None)


def test_stages_are_ready_when_all_that_they_need_is_done():
    graph = dvc.parse_dot('strict digraph  {\n"a";\n"b";\n"c";\n"a" -> "c";\n"b" -> "c";\n}\n')
    assert graph.ready([]) == ["a", "b"]
    assert graph.ready(["a"]) == ["b"]
    assert graph.ready(["a", "b"]) == ["c"]
    assert graph.within({"a", "c"}).ready(["a"]) == ["c"]
