"""The downloader: pairs → verified pictures in shards, one task per part."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path

from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.part_download import PartDownload
from components.crawl.pictures.progress import log_progress
from components.crawl.plan import Part, Plan
from components.crawl.reasons import errors
from components.execution.shard_map import Outcome, map_shards
from components.storage.json_files import read_json


def download(plan: Plan, job: DownloadJob, work: Path) -> Counter[str]:
    """Downloads all pictures of a plan into `job.shards`; returns counts by outcome."""
    job.shards.mkdir(parents=True, exist_ok=True)
    p = job.parameters
    task = partial(_download_part, job)
    limits = {"max_error_share": p.max_error_share, "cpus": p.task_cpus}
    with log_progress(job.progress, plan.pictures, p.log_every):
        # The largest parts first, so that no single worker is left with one at the end.
        parts = sorted(plan.parts, key=lambda part: (-part.pictures, part.first_shard))
        _, counts = map_shards(task, parts, stage="crawl: pictures", work=work, **limits)
    return counts


def _download_part(job: DownloadJob, part: Part, _: int, out: Path) -> Outcome:
    try:
        asyncio.run(PartDownload(part, job, out).run())
    except ExceptionGroup as several:
        # The shards in progress usually share one cause: a full disk, a bucket that denies access.
        raise several.exceptions[0] from several
    counts: Counter[str] = Counter()
    for shard in range(part.first_shard, part.first_shard + part.shards):
        counts.update(read_json(job.marker(shard))["status_dict"])
    return Outcome(counts, attempted=counts.total(), errors=errors(counts))
