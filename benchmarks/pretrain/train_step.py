"""Contrastive training, images per second, compared with open_clip's trainer (`open_clip_train`).

Both have the same pictures, texts, tower, batch, precision, threads, learning rate and gradient
clipping. Data loading differs: theirs decodes and crops every picture in loading processes (the
fastest number of them), ours reads pictures that were decoded once. Rounds alternate, and medians
are of paired ratios. In a stricter comparison theirs trains on batches in memory, while ours still
loads and augments. Ours saves a checkpoint in each round, theirs none. It needs the output of `mofi
run --only crawl`.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.harness.claim import Claim, conclude
from benchmarks.peers.environment import PEERS, overlay
from components.cli import parameters
from components.execution import cluster
from components.models import towers
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters
from components.pretrain.plan import plan_job
from components.pretrain.sources import find_sources
from components.shards.folder import ShardFolder
from components.storage.json_files import read_json, write_json

logger = logging.getLogger(__name__)

WORK = Path(".work/benchmarks/train_step")
_PEER = PEERS / "open_clip_train_run.py"
# The data of a round of theirs; ours always uses its loader.
_SHARDS, _MEMORY, _OURS = "shards", "memory", "round"


@dataclass(frozen=True)
class Setting:
    """The settings of both trainers."""

    name: str
    configs: str
    shards: str
    steps: int
    batch: int
    precision: str
    threads: int
    learning_rate: float
    weight_decay: float
    gradient_clip: float
    device: str


def main() -> None:
    """Measures each tower."""
    options = _options()
    if options.ours:
        _train(Path(options.ours))
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    shutil.rmtree(WORK, ignore_errors=True)
    crawl = _excerpt(options.crawl, options.shards)
    knobs = parameters.load().pretrain.model_copy(
        update={"batch": options.batch, "checkpoint_every": options.steps, "average_decay": 0.0, "workers": 1}
    )
    cluster.connect()
    jobs = {tower: _plan(knobs.model_copy(update={"tower": tower}), crawl, options) for tower in options.towers}
    cluster.leave()
    conclude([claim for tower, job in jobs.items() for claim in _claims(tower, job, crawl, options)])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, default=Path("data/crawl"))
    parser.add_argument("--shards", type=int, default=8, help="shards of the crawl to train on")
    parser.add_argument("--towers", nargs="+", default=["resnet-small", "vit-small"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=100, help="steps per round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="compute threads of each trainer")
    parser.add_argument("--ours", help=argparse.SUPPRESS)
    return parser.parse_args()


def _excerpt(crawl: Path, count: int) -> Path:
    """Links the first shards of the crawl."""
    folder = WORK / "crawl"
    folder.mkdir(parents=True)
    for tar in ShardFolder.at(crawl).local_tars()[:count]:
        for path in crawl.glob(f"{tar.stem}*"):
            (folder / path.name).symlink_to(path.absolute())
    return folder


def _plan(knobs: PretrainParameters, crawl: Path, options: argparse.Namespace) -> Job:
    knobs = knobs.model_copy(update={"images_seen": options.batch * options.steps * (2 * options.rounds + 1)})
    start = time.perf_counter()
    job = plan_job("clip", find_sources("clip", crawl, knobs), knobs, WORK)
    logger.info("%s: pictures decoded once in %.1f s", knobs.tower, time.perf_counter() - start)
    return job


def _claims(tower: str, job: Job, crawl: Path, options: argparse.Namespace) -> list[Claim]:
    import torch

    knobs, device = job.parameters, "cuda" if torch.cuda.is_available() else "cpu"
    configs = WORK / "configs"
    write_json(configs / f"benchmarked-{tower}.json", towers.read_config(tower).model)
    found = ShardFolder.at(crawl).local_tars()
    tars = f"{found[0].stem}..{found[-1].stem}"
    setting = Setting(
        name=f"benchmarked-{tower}",
        configs=str(configs.absolute()),
        shards=f"{crawl.absolute()}/{{{tars}}}.tar",
        steps=options.steps,
        batch=options.batch,
        precision="fp32" if device == "cpu" or knobs.precision == "fp32" else "amp_bf16",
        threads=options.threads,
        learning_rate=knobs.learning_rate,
        weight_decay=knobs.weight_decay,
        gradient_clip=knobs.gradient_clip,
        device=device,
    )
    write_json(WORK / f"{tower}.json", asdict(setting))
    write_json(WORK / f"{tower}-job.json", _as_json(job) | {"threads": options.threads})
    theirs = [sys.executable, str(_PEER), str(WORK / f"{tower}.json")]
    ours = [sys.executable, "-m", "benchmarks.pretrain.train_step", "--ours", str(WORK / f"{tower}-job.json")]
    with _process(theirs, overlay("open_clip_train")) as them, _process(ours) as us:
        loaders = _answer(them)["loaders"]
        _round(us, _OURS)  # warm-up
        pairs = {
            kind: [_pair(them, us, kind, number) for number in range(options.rounds)] for kind in (_SHARDS, _MEMORY)
        }
    claims = []
    for kind, bar, words in (
        (_SHARDS, 1.0, f"loading included ({loaders} loaders)"),
        (_MEMORY, 1.0, "batches in memory"),
    ):
        rates = [options.steps * options.batch / median(side) for side in zip(*pairs[kind], strict=True)]
        ratio = median(their_seconds / our_seconds for their_seconds, our_seconds in pairs[kind])
        against = f"{rates[1]:.0f} against {rates[0]:.0f} images/s; open_clip_train, {words}"
        claims.append(Claim(f"training of {tower}, {device}", ratio, bar, against))
    return claims


def _pair(them: "subprocess.Popen[str]", us: "subprocess.Popen[str]", kind: str, number: int) -> tuple[float, float]:
    """Seconds of a round of theirs and of ours, in alternating order."""
    if number % 2:
        theirs, ours = _round(them, kind), _round(us, _OURS)
    else:
        ours, theirs = _round(us, _OURS), _round(them, kind)
    logger.info("round %d, %s: theirs %.1f s, ours %.1f s", number, kind, theirs, ours)
    return theirs, ours


@contextmanager
def _process(command: list[str], site: Path | None = None) -> Iterator["subprocess.Popen[str]"]:
    path = os.pathsep.join([*([str(site)] if site else []), *sys.path[:1], os.environ.get("PYTHONPATH", "")])
    with (WORK / "log.txt").open("a") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _round(process: "subprocess.Popen[str]", kind: str) -> float:
    assert process.stdin is not None
    process.stdin.write(kind + "\n")
    process.stdin.flush()
    return float(_answer(process))


def _answer(process: "subprocess.Popen[str]") -> Any:
    """The next line of JSON; libraries may print other lines."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            return json.loads(line)
        except ValueError:
            continue
    raise RuntimeError(f"{process.args!r} exited; see {WORK / 'log.txt'}")


def _as_json(job: Job) -> dict[str, Any]:
    return {
        "parameters": job.parameters.model_dump(mode="json"),
        "cache": str(job.cache),
        "work": str(job.work.absolute()),
    }


def _train(path: Path) -> None:
    """Runs the training loop, which pauses at each checkpoint until it reads a line."""
    import torch

    from components.pretrain.training.loop import run_worker

    setup = read_json(path)
    knobs = PretrainParameters(**setup["parameters"])
    job = Job("clip", knobs, towers.read_config(knobs.tower), Path(setup["cache"]), None, None, Path(setup["work"]))
    torch.set_num_threads(setup["threads"])
    sys.stdin.readline()
    start = time.perf_counter()

    def pause(_: dict[str, float]) -> None:
        nonlocal start
        print(json.dumps(time.perf_counter() - start), flush=True)
        sys.stdin.readline()
        start = time.perf_counter()

    run_worker(job, pause)


if __name__ == "__main__":
    main()
