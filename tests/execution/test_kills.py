"""Workers and drivers are killed at any moment: no half-written shard is ever visible."""

import os
import signal
import subprocess
import sys
from functools import partial
from itertools import count
from pathlib import Path

import psutil
import pytest

from components.errors import SetupError
from components.execution import shard_map
from components.execution.shard_map import Outcome, map_shards
from components.storage.claims import release
from components.storage.json_files import read_json
from components.storage.work import drop_finished, work_folder
from tests import ROOT
from tests.execution.conftest import ITEMS, contents, write
from tests.killing import killed_before
from tests.processes import command_line

FEW = ITEMS[:2]


def is_agent(process: psutil.Process) -> bool:
    """Whether it is one of Ray's two agents, which run no task and outlive their raylet.

    They take this name late, after imports, so a busy machine shows the file that they run instead.
    """
    command = command_line(process)
    return "agent" in command.lower() and not command.split()[0].endswith("/raylet")


def die_once(folder: Path, item: str, number: int, out: Path) -> Outcome:
    """Half a shard, then SIGKILL, the first time that shard 2 is tried."""
    if number == 2 and not (folder / "died").exists():
        (out / f"{number:05d}.txt").write_text("half")
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return write(item, number, out)


def die(_item: str, number: int, out: Path) -> Outcome:
    (out / f"{number:05d}.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
    return Outcome()


def halt(pipe: Path, item: str, number: int, out: Path) -> Outcome:
    """Half of shard 4, then says so and waits for its end."""
    if number == 4:
        (out / f"{number:05d}.txt").write_text("half")
        pipe.write_text("waiting")
        signal.pause()
    return write(item, number, out)


def test_a_worker_killed_in_a_task_is_replaced_and_the_result_is_whole(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "seen").mkdir()
    finished, counts = map_shards(partial(die_once, tmp_path / "seen"), ITEMS, stage="test", work=tmp_path / "work")
    assert (tmp_path / "seen" / "died").exists()
    assert contents(finished) == undisturbed
    assert counts["words"] == 600


def test_a_shard_that_kills_every_worker_is_named_and_nothing_half_is_seen(ray_cluster: None, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"test: the worker of shard 0 died 4 times.*memory"):
        map_shards(die, ITEMS[:1], stage="test", work=tmp_path)
    assert contents(tmp_path / "finished") == {}
    map_shards(write, ITEMS[:1], stage="test", work=tmp_path)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(("part-", "dropped-"))]


def test_a_driver_killed_outright_leaves_no_worker_and_a_second_run_gives_the_undisturbed_result(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    pipe, work = tmp_path / "pipe", tmp_path / "work"
    os.mkfifo(pipe)
    code = (
        "import sys; from functools import partial; from pathlib import Path; from tests.execution import test_kills as t\n"
        "t.map_shards(partial(t.halt, Path(sys.argv[1])), t.ITEMS, stage='test', work=Path(sys.argv[2]))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    with (tmp_path / "output").open("w") as output:
        driver = subprocess.Popen(
            [sys.executable, "-c", code, str(pipe), str(work)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            assert pipe.read_text() == "waiting"  # opens when the task does
            family = psutil.Process(driver.pid).children(recursive=True)
            processes = [process for process in family if not is_agent(process)]
        finally:
            driver.kill()
            driver.wait()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
    assert "00004.txt" not in contents(work / "finished")
    assert not (work / "markers" / "00004.json").exists()
    finished, _ = map_shards(write, ITEMS, stage="test", work=work)
    assert contents(finished) == undisturbed
    assert not list(work.glob("part-*"))


def test_an_older_try_that_still_runs_cannot_finish_half_a_shard(tmp_path: Path) -> None:
    (tmp_path / "finished").mkdir()
    (tmp_path / "markers").mkdir()

    def overtaken(item: str, number: int, out: Path) -> Outcome:
        (out / f"{number:05d}.txt").write_text("half")
        shard_map._drop_parts(tmp_path)
        shard_map._one(write, item, number, tmp_path)
        return Outcome({"wrong": 1})

    with pytest.raises(FileNotFoundError):
        shard_map._one(overtaken, "word", 0, tmp_path)
    assert (tmp_path / "finished" / "00000.txt").read_text() == "word\n" * 100
    assert "wrong" not in read_json(tmp_path / "markers" / "00000.json")["counts"]


def test_a_worker_that_ends_just_now_does_not_stop_who_drops_its_leftovers(
    undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "part-00000-12345678"
    left.mkdir()
    rename = Path.rename

    def too_late(path: Path, target: Path) -> Path:
        if path == left:
            left.rmdir()  # as its worker does when it is done
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", too_late)
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path)
    assert not left.exists()
    assert contents(finished) == undisturbed


def finish_another(root: Path) -> None:
    drop_finished(work_folder("stage", "new", root, "out"))


def test_a_kill_while_old_work_is_dropped_does_not_spoil_it_for_who_returns_to_it(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    expected = {name: data for name, data in undisturbed.items() if int(name[:5]) < len(FEW)}
    for change in count(1):
        root = tmp_path / str(change)
        map_shards(write, FEW, stage="test", work=(old := work_folder("stage", "old", root, "out")))
        release(old)  # as the end of its run does
        killed = killed_before(change, finish_another, root)
        finished, _ = map_shards(write, FEW, stage="test", work=work_folder("stage", "old", root))
        assert contents(finished) == expected
        if not killed:
            break
    assert change > 4 * len(FEW)
