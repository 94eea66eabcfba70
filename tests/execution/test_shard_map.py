"""The one executor: what is finished stays, what is half done is never seen, and a repeated call gives the whole result."""

import errno
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import psutil
import pytest
import ray
from pydantic import Field

from components.errors import InputError, SetupError
from components.execution import shard_map
from components.execution.shard_map import Outcome, map_shards
from components.section import Section
from components.storage.json_files import read_json, write_json
from components.storage.work import fingerprint, release, work_folder
from tests import ROOT
from tests.killing import killed_before

ITEMS = [f"word {n}" for n in range(6)]
FEW = ITEMS[:2]


class Knobs(Section):
    size: int = Field(default=1)
    max_error_share: float = Field(default=0.1)
    log_every: float = Field(default=5.0)


def write(item: str, number: int, out: Path) -> Outcome:
    """Two files a shard."""
    (out / f"{number:05d}.txt").write_text(f"{item}\n" * 100)
    write_json(out / f"{number:05d}_stats.json", {"item": item})
    return Outcome({"words": 100, item: 1}, attempted=100)


def write_and_note(log: Path, item: str, number: int, out: Path) -> Outcome:
    with log.open("a") as stream:
        stream.write(f"{number}\n")
    return write(item, number, out)


def raise_at_three(error: Exception, item: str, number: int, out: Path) -> Outcome:
    outcome = write(item, number, out)
    if number == 3:
        raise error
    return outcome


def is_agent(process: psutil.Process) -> bool:
    """Whether it is one of Ray's two agents, which run no task, and outlive their raylet by a minute.

    They take this name late, after imports, so a busy machine shows the file that they run instead.
    """
    return process.name() != "raylet" and "agent" in " ".join(process.cmdline()).lower()


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


def fail_some(errors: int, _item: str, _number: int, _out: Path) -> Outcome:
    return Outcome({"good": 50 - errors, "broken_picture": errors}, attempted=50, errors=errors)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def undisturbed(ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the six shards hold when nothing goes wrong."""
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path_factory.mktemp("undisturbed"))
    return contents(finished)


# What a run gives


def test_every_shard_is_written_and_counted(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    finished, counts = map_shards(write, ITEMS, stage="test", work=tmp_path)
    assert sorted(contents(finished)) == sorted(
        f"{n:05d}{end}" for n in range(len(ITEMS)) for end in (".txt", "_stats.json")
    )
    assert counts == Counter({"words": 600, **dict.fromkeys(ITEMS, 1)})
    assert not list(tmp_path.glob("part-*"))


def test_files_and_order_of_counts_do_not_depend_on_how_many_run_at_once(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    cpus = ray.cluster_resources()["CPU"]
    finished, one_by_one = map_shards(write, ITEMS, stage="test", work=tmp_path / "one", cpus=cpus)
    again, together = map_shards(write, ITEMS, stage="test", work=tmp_path / "all", cpus=0.1)
    assert contents(finished) == contents(again) == undisturbed
    assert list(one_by_one.items()) == list(together.items())


def test_no_items_give_an_empty_folder(tmp_path: Path) -> None:
    finished, counts = map_shards(write, [], stage="test", work=tmp_path)
    assert contents(finished) == {}
    assert not counts


# Resuming


def test_a_second_call_redoes_nothing_and_counts_the_same(ray_cluster: None, tmp_path: Path) -> None:
    task = partial(write_and_note, tmp_path / "log")
    _, first = map_shards(task, ITEMS, stage="test", work=tmp_path / "work")
    _, second = map_shards(task, ITEMS, stage="test", work=tmp_path / "work")
    assert len((tmp_path / "log").read_text().split()) == len(ITEMS)
    assert list(first.items()) == list(second.items())


def test_after_an_error_finished_shards_are_kept_and_only_the_rest_is_done(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    cpus = ray.cluster_resources()["CPU"]
    with pytest.raises(InputError):
        map_shards(partial(raise_at_three, InputError("no")), ITEMS, stage="test", work=tmp_path / "work", cpus=cpus)
    done = {int(marker.stem) for marker in (tmp_path / "work" / "markers").glob("*.json")}
    assert {0, 1, 2} <= done
    assert 3 not in done
    assert "00003.txt" not in contents(tmp_path / "work" / "finished")
    finished, _ = map_shards(
        partial(write_and_note, tmp_path / "log"), ITEMS, stage="test", work=tmp_path / "work", cpus=cpus
    )
    assert contents(finished) == undisturbed
    assert {0, 1, 2}.isdisjoint(map(int, (tmp_path / "log").read_text().split()))


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
        "import sys; from functools import partial; from pathlib import Path; from tests.execution import test_shard_map as t\n"
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


def test_a_marker_without_its_files_does_not_count(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path)
    (finished / "00002.txt").unlink()
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path)
    assert contents(finished) == undisturbed


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


# Errors


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


def test_an_error_of_ours_comes_out_of_a_worker_as_it_was_raised(ray_cluster: None, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        map_shards(partial(raise_at_three, InputError("x.tar is cut")), ITEMS, stage="test", work=tmp_path)
    assert type(caught.value) is InputError
    assert str(caught.value) == "x.tar is cut"


def test_a_full_disk_keeps_its_error_number_on_the_way_out_of_a_worker(ray_cluster: None, tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "00003.tar")
    with pytest.raises(OSError, match=r"00003\.tar") as caught:
        map_shards(partial(raise_at_three, full), ITEMS, stage="test", work=tmp_path)
    assert caught.value.errno == errno.ENOSPC


def test_a_mistake_in_a_task_keeps_its_traceback(ray_cluster: None, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="in raise_at_three"):
        map_shards(partial(raise_at_three, ZeroDivisionError("oh")), ITEMS, stage="test", work=tmp_path)


def test_too_many_errors_stop_the_map_with_share_section_and_reasons(ray_cluster: None, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        map_shards(partial(fail_some, 20), ITEMS, stage="label: read", work=tmp_path, max_error_share=0.1)
    message = str(caught.value)
    assert "of" in message
    for part in ('"broken_picture": ', "share of 0.1", "section label;", "finished shards are kept"):
        assert part in message


def test_too_many_errors_stop_a_repeated_call_too(ray_cluster: None, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="items failed"):
            map_shards(partial(fail_some, 20), ITEMS[:2], stage="test", work=tmp_path, max_error_share=0.1)


def test_errors_up_to_the_share_pass_and_a_few_items_say_nothing(ray_cluster: None, tmp_path: Path) -> None:
    _, counts = map_shards(partial(fail_some, 5), ITEMS, stage="test", work=tmp_path / "a", max_error_share=0.1)
    assert counts["broken_picture"] == 30
    map_shards(partial(fail_some, 50), ITEMS[:1], stage="test", work=tmp_path / "b", max_error_share=0.1)


# Fingerprints and work folders


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "sub" / "b").write_text("other"),
        lambda folder: (folder / "a").rename(folder / "c"),
        lambda folder: (folder / "a").rename(folder / "sub" / "a"),
        lambda folder: (folder / "new").touch(),
        lambda folder: (folder / "a").unlink(),
    ],
    ids=["bytes", "name", "place", "more", "less"],
)
def test_a_fingerprint_changes_with_a_folders_names_and_bytes(tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("one")
    (tmp_path / "sub" / "b").write_text("two")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    change(tmp_path)
    assert fingerprint(tmp_path) != before


def test_a_fingerprint_changes_with_values_and_their_order_but_not_with_where_a_folder_lies(tmp_path: Path) -> None:
    assert fingerprint(Knobs(size=1)) != fingerprint(Knobs(size=2))
    assert fingerprint("a", "b") != fingerprint("b", "a")
    assert fingerprint("ab") != fingerprint("a", "b")
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "file").write_text("same")
    assert fingerprint(tmp_path / "here") == fingerprint(tmp_path / "there")


def test_raising_the_error_share_or_logging_more_keeps_what_is_finished() -> None:
    assert fingerprint(Knobs(max_error_share=0.1)) == fingerprint(Knobs(max_error_share=0.5, log_every=1.0))


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no-crawl is missing; run the stage"):
        fingerprint(tmp_path / "no-crawl")


def test_a_work_folder_stays_for_equal_parameters_and_drops_those_of_others(tmp_path: Path) -> None:
    first = work_folder("label", "aaa", tmp_path)
    (first / "file").touch()
    other_stage = work_folder("curate", "aaa", tmp_path)
    assert (work_folder("label", "aaa", tmp_path) / "file").exists()
    (tmp_path / "label" / "stray file").touch()
    second = work_folder("label", "bbb", tmp_path)
    assert [p.name for p in (tmp_path / "label").iterdir()] == ["bbb"]
    shard_map.drop(second)
    shard_map.drop(second)  # whoever else did it came first
    assert list((tmp_path / "label").iterdir()) == []
    assert second.is_absolute()
    assert other_stage.exists()


def test_a_kill_while_old_work_is_dropped_does_not_spoil_it_for_who_returns_to_it(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    expected = {name: data for name, data in undisturbed.items() if int(name[:5]) < len(FEW)}
    for change in count(1):
        root = tmp_path / str(change)
        map_shards(write, FEW, stage="test", work=(old := work_folder("stage", "old", root)))
        release(old)  # as the end of its run does
        killed = killed_before(change, work_folder, "stage", "new", root)
        finished, _ = map_shards(write, FEW, stage="test", work=work_folder("stage", "old", root))
        assert contents(finished) == expected
        if not killed:
            break
    assert change > 4 * len(FEW)
