"""The crawl stage: sources yield pairs, the downloader turns pairs into shards."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.crawl.counts import DROPPED
from components.crawl.duplicates.find import mark_duplicates
from components.crawl.local_web import serve
from components.crawl.parameters import CrawlParameters
from components.crawl.parent_process import Server
from components.crawl.pictures.adopt import adopt
from components.crawl.pictures.bucket import begin, check, finish
from components.crawl.pictures.download import download
from components.crawl.pictures.hold_out import build_hold_out
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.timing import read_timing
from components.crawl.plan import Plan, make_plan
from components.crawl.sites.sites import Site, crawl_sites, group_sites
from components.crawl.source_files import UNREADABLE, SourceFile, find_files, read_files
from components.errors import InputError
from components.execution.publication import publish_folder
from components.shards.format import DUPLICATE_REASONS, EXACT, NEAR, SUCCESS
from components.storage.json_files import write_json
from components.storage.location import folder_at
from components.storage.s3 import Prefix
from components.storage.work import WORK, drop, fingerprint, work_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """What is crawled: live sites, files, and a folder of sample sites, served on a loopback port meanwhile.

    Attributes:
        starts: addresses of front pages.
        web: folder of sample sites, if any.
        port: that they are served on.
        files: `KIND:LOCATION`s of archives and lists.
    """

    starts: tuple[str, ...] = ()
    web: Path | None = None
    port: int = 0
    files: tuple[str, ...] = ()


def crawl_pictures(
    source: Source,
    hold_out: Path | None,
    out: Path | str,
    parameters: CrawlParameters,
    work_root: Path = WORK,
    timing: Path | None = None,
) -> dict[str, Any]:
    """Crawls pages, downloads their pictures and replaces `out` by the shards (docs/formats.md); returns the measures.

    Args:
        source: sites to crawl.
        hold_out: folder of pictures of which no near-copy is taken, if any.
        out: receives `NUMBER.tar`, `NUMBER.parquet`, `NUMBER_stats.json`: a folder, in one move at the end, or `s3://BUCKET/PREFIX`,
            each shard as soon as it is whole, and `_SUCCESS` when all are.
        parameters: section `crawl`.
        work_root: folder of unfinished work.
        timing: file that receives how long parts took and how hosts answered, if any; no result, as it differs from run to run.

    Raises:
        InputError: if nothing can be crawled, no picture was found, too many pages or pictures fail, or the bucket refuses.
        SetupError: if the port of the sample web is busy, or the bucket's server fails again and again.
    """
    files = find_files(source.files or parameters.sources)
    if not source.starts and source.web is None and not files:
        raise InputError(
            "nothing to crawl; name archives or lists with --source, addresses to start from with --start, "
            "or a folder of sample sites with --web"
        )
    place = folder_at(out)
    bucket = place if isinstance(place, Prefix) else None
    if bucket is not None:
        if parameters.duplicates == "drop":
            raise InputError(
                f"crawl.duplicates is drop, which needs shards in a folder; write to one, not to {bucket}, or set it to mark"
            )
        check(bucket, files)
    versions = [_version(file.location) for file in files]
    mark = fingerprint(
        parameters, source.starts, source.web, source.port, files, versions, hold_out, *([bucket] if bucket else [])
    )
    work = work_folder("crawl", mark, work_root)
    with _served(source) as (starts, server):
        sites = group_sites(starts, parameters)
        logger.info(
            "crawl: %d sites, %d files, %d connections and %.1f s between requests at each host",
            len(sites),
            len(files),
            parameters.connections,
            parameters.delay,
        )
        pairs, found = crawl_sites(sites, parameters, server, work / "pages")
        from_files, found_in_files = read_files([f for f in files if not f.is_shard], parameters, work / "files")
        pairs, found = pairs + from_files, found + found_in_files
        plan = make_plan(pairs, parameters, work / "plan")
        _say(found, plan)
        prints = None if hold_out is None else build_hold_out(hold_out, work / "hold_out")
        job = DownloadJob(parameters, work / "shards", prints, server, bucket)
        if bucket is not None:
            begin(bucket, job.shards, work / "pictures")
        outcomes = download(plan, job, work / "pictures" / "downloaded") + adopt(
            [f for f in files if f.is_shard], job, plan.shards, work / "pictures" / "adopted"
        )
    copies = mark_duplicates(job.shards, parameters, work / "pictures" / "duplicates", bucket=bucket)
    if parameters.duplicates == "drop":
        outcomes = _after_drop(outcomes, copies)
    measures = _measures(len(sites), files, found, plan, outcomes)
    measures["duplicates"] = {kind: copies[kind] for kind in (EXACT, NEAR)}
    if not outcomes[SUCCESS]:
        raise InputError(f"the crawl of {_names(sites, files)} gave no picture: {measures}; {_mend(measures)}")
    if timing is not None and (times := read_timing(job.progress)) is not None:
        write_json(timing, times)
    if isinstance(place, Prefix):
        finish(place, measures["shards"])
    else:
        # Without its markers an interrupted publication is begun again from the downloads, not taken for done.
        drop(work / "pictures")
        publish_folder(work / "shards", place)
    drop(work)
    return measures


def _after_drop(outcomes: Counter[str], copies: Counter[str]) -> Counter[str]:
    """What became of pictures when copies are out; shards that a killed run left may have said so already."""
    taken = {f"duplicate_{kind}": number for kind, number in copies.items()}
    downloaded = outcomes[SUCCESS] + sum(outcomes[reason] for reason in DUPLICATE_REASONS)
    return Counter(dict(outcomes) | taken | {SUCCESS: downloaded - copies.total()})


def _version(location: str) -> tuple[int, int] | None:
    """Size and time of a local file, so that work on an older one is not gone on with; None for what lies elsewhere."""
    path = Path(location)
    return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None


def _names(sites: Sequence[Site], files: Sequence[SourceFile]) -> str:
    names = [*(site.host for site in sites), *(file.location for file in files)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@contextmanager
def _served(source: Source) -> Iterator[tuple[Sequence[str], Server | None]]:
    """Start addresses, and who serves them, while they are served."""
    if source.web is None:
        yield source.starts, None
        return
    with serve(source.web, source.port) as web:
        yield source.starts or [f"http://{host}:{source.port}/" for host in web.hosts], Server.here()


def _say(found: Counter[str], plan: Plan) -> None:
    logger.info(
        "crawl: %d pages gave %d pairs; to download: %d pictures in %d parts and %d shards",
        found["pages.crawled"],
        found["pairs.found"],
        plan.pictures,
        len(plan.parts),
        plan.shards,
    )


def _measures(
    sites: int, files: Sequence[SourceFile], found: Counter[str], plan: Plan, outcomes: Counter[str]
) -> dict[str, Any]:
    dropped = _under(found + plan.dropped, DROPPED)
    failed = {reason: number for reason, number in sorted(outcomes.items()) if reason != SUCCESS}
    return {
        "sites": sites,
        "files": {"read": len(files), "unreadable_records": found[UNREADABLE]},
        "pages": {"crawled": found["pages.crawled"], "refused": _under(found, "pages.refused.")},
        "pairs": {"found": found["pairs.found"], "dropped": dropped},
        "pictures": {"attempted": outcomes.total(), "success": outcomes[SUCCESS], "failed": failed},
        "parts": len(plan.parts),
        "shards": plan.shards + sum(file.is_shard for file in files),
    }


def _under(counts: Counter[str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in sorted(counts.items()) if name.startswith(prefix)}


def _mend(measures: Mapping[str, Any]) -> str:
    if not measures["pages"]["crawled"] and not measures["pairs"]["found"]:
        return "no page could be read; look at the reasons under pages.refused, and whether the sites are up"
    if not measures["pairs"]["found"]:
        return "no page showed a picture with words; start from other pages, or raise crawl.depth in params.yaml"
    return "look at the reasons under pictures.failed"
