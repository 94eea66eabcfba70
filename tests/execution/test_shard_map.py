"""The one executor: finished work stays, half-done work is never seen, and calls resume."""

import errno
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import ray

from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from tests.execution.conftest import ITEMS, contents, write


def write_and_note(log: Path, item: str, number: int, out: Path) -> Outcome:
    with log.open("a") as stream:
        stream.write(f"{number}\n")
    return write(item, number, out)


def raise_at_three(error: Exception, item: str, number: int, out: Path) -> Outcome:
    outcome = write(item, number, out)
    if number == 3:
        raise error
    return outcome


def fail_some(errors: int, _item: str, _number: int, _out: Path) -> Outcome:
    return Outcome({"good": 50 - errors, "broken_picture": errors}, attempted=50, errors=errors)


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


def test_a_marker_without_its_files_does_not_count(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path)
    (finished / "00002.txt").unlink()
    finished, _ = map_shards(write, ITEMS, stage="test", work=tmp_path)
    assert contents(finished) == undisturbed


# Errors


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
