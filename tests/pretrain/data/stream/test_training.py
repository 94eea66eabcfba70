"""Trainings that read shards directly: when they do, and that they resume exactly."""

import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from components.pretrain.job import Job
from components.pretrain.plan import plan_job
from components.pretrain.sources import find_sources
from components.pretrain.training.data_source import resolve_source
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from components.storage.s3 import Prefix
from tests.endpoint import BUCKET, Endpoint
from tests.pretrain.conftest import MakeJob, MakeParameters, write_pictures
from tests.pretrain.data.stream.conftest import build_catalogue, stream_config
from tests.pretrain.test_plan import fingerprint_of
from tests.pretrain.training.test_loop import MODEL, ignore

STREAM = "stream, windows of 2 shards"


def streamed(job: Job, data: Path, folder: Path) -> Job:
    """The same job, reading shards."""
    labelled = job.vocabulary is not None
    shards = data / "i2e" / "train" if labelled else data / "crawl"
    catalogued = folder / "catalogue"
    if not catalogued.exists():
        build_catalogue(shards, catalogued, job.vocabulary)
    return replace(job, stream=stream_config(catalogued, job.work / "shards"))


@pytest.mark.parametrize("recipe", ["clip", "multitask"])
def test_a_recipe_learns_from_shards(make_job: MakeJob, data: Path, tmp_path: Path, recipe: str) -> None:
    job = streamed(make_job(recipe, tmp_path, images_seen=640, batch=16), data, tmp_path)
    run_worker(job, ignore)
    result = read_json(job.result)
    losses = [point["loss"] for point in result["curve"]]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert result["metrics"]["pictures"] == (72 if recipe == "clip" else 48)


def test_bad_pictures_are_counted_over_all_attempts(make_job: MakeJob, data: Path, tmp_path: Path) -> None:
    crawl = tmp_path / "crawl"
    shutil.copytree(data / "crawl", crawl)
    bad = 0
    for tar in sorted(crawl.glob("*.tar")):
        content = bytearray(tar.read_bytes())
        with tarfile.open(tar) as members:
            first = members.next()
        assert first is not None
        content[first.offset_data : first.offset_data + first.size] = bytes(first.size)
        tar.write_bytes(content)
        bad += 1
    counts = []
    for name, stops in (("straight", 0), ("stopped", 2)):
        job = make_job("clip", tmp_path / name, images_seen=72 * 4, batch=8, max_error_share=0.5)
        job = replace(
            job, stream=stream_config(build_catalogue(crawl, tmp_path / name / "catalogue"), job.work / "shards")
        )
        for _ in range(stops):
            with pytest.raises(Stopped):
                run_worker(job, stop)
        run_worker(job, ignore)
        counts.append(read_json(job.result)["metrics"]["skipped"])
    assert counts[0] == counts[1] >= 4 * bad, "four epochs"


class Stopped(Exception):
    """As if the process had been killed."""


def stop(metrics: dict[str, float]) -> None:
    raise Stopped


def test_a_stopped_training_resumes_to_the_same_weights(make_job: MakeJob, data: Path, tmp_path: Path) -> None:
    models = []
    for name in ("straight", "stopped"):
        job = streamed(make_job("multitask", tmp_path / name), data, tmp_path)
        if name == "stopped":
            for _ in range(2):
                with pytest.raises(Stopped):
                    run_worker(job, stop)
        run_worker(job, ignore)
        models.append((job.model / MODEL).read_bytes())
    assert models[0] == models[1]


def test_decoded_pictures_are_cached_while_they_fit(data: Path, make_parameters: MakeParameters) -> None:
    pictures, size = 72, 72 * 32 * 32 * 3
    fits, does_not = (make_parameters(source="auto", cache_gigabytes=(size + more) / 1e9) for more in (0, -1))
    assert pictures == 9 * 8
    assert resolve_source(data / "crawl", fits) == "cache"
    assert resolve_source(data / "crawl", does_not) == STREAM
    assert resolve_source(data / "crawl", make_parameters(source="stream")) == STREAM
    assert resolve_source(data / "crawl", make_parameters(source="cache", cache_gigabytes=0)) == "cache"


@pytest.mark.usefixtures("ray_cluster")
def test_a_window_of_fewer_shards_than_workers_is_warned_of(
    data: Path, make_parameters: MakeParameters, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for workers, warned in ((2, False), (8, True)):
        caplog.clear()
        parameters = make_parameters(source="stream", window=2, workers=workers)
        plan_job("clip", find_sources("clip", data / "crawl", parameters), parameters, tmp_path)
        message = "pretrain.window is 2 shards, fewer than pretrain.workers, which is 8: every shard is read by some 5 workers"
        assert (message in caplog.text) is warned


def test_how_pictures_are_read_is_part_of_the_result_and_in_how_many_processes_is_not(
    data: Path, make_parameters: MakeParameters
) -> None:
    def mark(**changes: object) -> str:
        parameters = make_parameters(**changes)
        return fingerprint_of(find_sources("clip", data / "crawl", parameters), parameters, "clip")

    assert mark(source="auto") == mark(source="cache") == mark(source="cache", window=9)
    assert mark(source="stream") != mark(source="cache")
    assert mark(source="stream") != mark(source="stream", window=9)
    assert mark(source="stream") == mark(source="stream", decoders=3) == mark(source="auto", cache_gigabytes=0)


@pytest.mark.usefixtures("ray_cluster")
def test_a_plan_scans_all_shards_once(data: Path, make_parameters: MakeParameters, tmp_path: Path) -> None:
    parameters = make_parameters(source="stream")
    sources = find_sources("supervised", data / "i2e", parameters)
    job = plan_job("supervised", sources, parameters, tmp_path)
    assert job.stream is not None
    table = (job.stream.catalogue / "shards.npy").stat()
    assert job.validation is not None and job.validation.exists()
    assert plan_job("supervised", sources, parameters, tmp_path) == job
    assert (job.stream.catalogue / "shards.npy").stat().st_mtime_ns == table.st_mtime_ns, "not written again"
    run_worker(job, ignore)
    assert read_json(job.result)["metrics"]["pictures"] == 48
    write_pictures(tmp_path / "other", [0, 1], 3, labelled=False)
    other = make_parameters(source="stream")
    again = plan_job("clip", find_sources("clip", tmp_path / "other", other), other, tmp_path)
    assert again.stream is not None and again.stream.catalogue != job.stream.catalogue


def test_a_data_set_in_a_bucket_is_found_and_streamed(
    s3: Endpoint, data: Path, make_parameters: MakeParameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prefix = Prefix.of(f"s3://{BUCKET}/i2e")
    for path in sorted((data / "i2e").rglob("*")):
        if path.is_file():
            prefix.put(path, str(path.relative_to(data / "i2e")))
    sources = find_sources("supervised", f"s3://{BUCKET}/i2e", make_parameters(source="auto"))
    assert sources.shards == f"s3://{BUCKET}/i2e/train"
    assert sources.validation == f"s3://{BUCKET}/i2e/validation"
    assert sources.mode == STREAM
    assert sources.vocabulary is not None
    assert sources.vocabulary.read_bytes() == (data / "i2e" / "vocabulary.parquet").read_bytes()
    before = fingerprint_of(sources, make_parameters())
    assert [path.name for path in sources.vocabulary.parent.iterdir()] == ["vocabulary.parquet"], "no half copy is left"
    prefix.put(data / "i2e" / "train" / "00000.tar", "train/00001.tar")
    assert fingerprint_of(sources, make_parameters()) != before
