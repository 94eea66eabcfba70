"""The crawl stage: sources yield pairs, the downloader turns pairs into shards."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.crawl.advice import advice
from components.crawl.cleaning import CLEANED
from components.crawl.counts import DROPPED
from components.crawl.duplicates.find import mark_duplicates
from components.crawl.local_web.server_process import ServerProcess
from components.crawl.local_web.web import serve
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.adopt import adopt
from components.crawl.pictures.bucket import begin_upload, check_bucket, finish_upload
from components.crawl.pictures.download import download
from components.crawl.pictures.hold_out import build_hold_out, held_out_files
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.timing import read_timing
from components.crawl.plan import Plan, make_plan
from components.crawl.sites.sites import Site, crawl_sites, group_sites
from components.crawl.source_files import UNREADABLE, SourceFile, find_files, read_files
from components.errors import InputError
from components.shards.format import DUPLICATE_REASONS, EXACT, NEAR, SUCCESS
from components.storage.atomic import publish_folder
from components.storage.code import code_mark
from components.storage.json_files import write_json
from components.storage.layout import Layout, check_inputs
from components.storage.location import folder_at
from components.storage.s3 import Prefix
from components.storage.work import WORK, drop, drop_finished, fingerprint, work_folder

logger = logging.getLogger(__name__)

LAYOUT = Layout("mofi crawl", ("00000.parquet", "00000.tar"), column="site")


@dataclass(frozen=True)
class Source:
    """What to crawl: live sites, files, and a folder of sample sites that is served on loopback.

    Attributes:
        starts: start URLs.
        web: folder of sample sites, if any.
        port: port for the sample sites.
        files: archives and lists, as `KIND:LOCATION`.
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
    """Crawls pages and downloads their pictures into shards (docs/formats.md).

    Returns the measures.

    Args:
        source: what to crawl.
        hold_out: folder of pictures whose near-copies are rejected, if any.
        out: receives `NUMBER.tar`, `NUMBER.parquet` and `NUMBER_stats.json`. A folder is replaced
            in one move at the end; to `s3://BUCKET/PREFIX` each shard is uploaded as soon as it is
            finished, and `_SUCCESS` last.
        parameters: section `crawl`.
        work_root: folder of unfinished work.
        timing: file for the duration of parts and the response times of hosts, if any; it differs
            from run to run and is no result.

    Raises:
        InputError: if there is nothing to crawl, no picture was found, too many pages or pictures
            failed, the output holds a source, or the bucket denies access.
        SetupError: if the port of the sample web is busy, or the S3 server keeps failing.
    """
    files = find_files(source.files or parameters.sources, parameters.allow_private_hosts)
    if not source.starts and source.web is None and not files:
        raise InputError(
            "nothing to crawl; name archives or lists with --source, start URLs with --start, "
            "or a folder of sample sites with --web"
        )
    destination = folder_at(out)
    bucket = destination if isinstance(destination, Prefix) else None
    _check_folders(destination, source.web, files, hold_out)
    if bucket is not None:
        if parameters.duplicates == "drop":
            raise InputError(
                f"crawl.duplicates is drop, which needs shards in a folder; write to one instead of {bucket}, or set it to mark"
            )
        check_bucket(bucket, files)
    versions = [_version(file.location) for file in files]
    mark = fingerprint(
        code_mark(__name__),
        parameters,
        source.starts,
        source.web,
        source.port,
        files,
        versions,
        hold_out,
        *([bucket] if bucket else []),
    )
    work = work_folder("crawl", mark, work_root, destination)
    with _serving(source) as (starts, server):
        sites = group_sites(starts, parameters)
        logger.info(
            "crawl: %d sites, %d files, %d connections and %.1f s between requests per host",
            len(sites),
            len(files),
            parameters.connections,
            parameters.delay,
        )
        pairs, found = crawl_sites(sites, parameters, server, work / "pages")
        from_files, found_in_files = read_files([f for f in files if not f.is_shard], parameters, work / "files")
        pairs, found = pairs + from_files, found + found_in_files
        plan = make_plan(pairs, parameters, work / "plan")
        _log_plan(found, plan)
        fingerprints = None if hold_out is None else build_hold_out(hold_out, work / "hold_out")
        job = DownloadJob(parameters, work / "shards", fingerprints, server, bucket)
        if bucket is not None:
            begin_upload(bucket, job.shards, work / "pictures")
        outcomes = download(plan, job, work / "pictures" / "downloaded")
        adopted, adopted_shards = adopt(
            [f for f in files if f.is_shard], job, plan.shards, work / "pictures" / "adopted"
        )
        outcomes += adopted
    cleaned = Counter({name: number for name, number in (found + outcomes).items() if name.startswith(CLEANED)})
    outcomes -= cleaned
    copies = mark_duplicates(job.shards, parameters, work / "pictures" / "duplicates", bucket=bucket)
    if parameters.duplicates == "drop":
        outcomes = _after_drop(outcomes, copies)
    measures = _measures(len(sites), files, found, plan, outcomes, plan.shards + adopted_shards)
    if files:
        measures["cleaned"] = _with_prefix(cleaned, CLEANED)
    measures["duplicates"] = {kind: copies[kind] for kind in (EXACT, NEAR)}
    if not outcomes[SUCCESS]:
        raise InputError(f"the crawl of {_names(sites, files)} yielded no picture: {measures}; {advice(measures)}")
    if timing is not None and (times := read_timing(job.progress)) is not None:
        write_json(timing, times)
    if isinstance(destination, Prefix):
        finish_upload(destination, measures["shards"])
    else:
        # Without these markers, an interrupted publication restarts from the downloads.
        drop(work / "pictures")
        publish_folder(work / "shards", destination)
    drop_finished(work)
    return measures


def _after_drop(outcomes: Counter[str], copies: Counter[str]) -> Counter[str]:
    """Outcomes after dropping duplicates; shards of a killed run may count some already."""
    taken = {f"duplicate_{kind}": number for kind, number in copies.items()}
    downloaded = outcomes[SUCCESS] + sum(outcomes[reason] for reason in DUPLICATE_REASONS)
    return Counter(dict(outcomes) | taken | {SUCCESS: downloaded - copies.total()})


def _version(location: str) -> tuple[int, int] | None:
    """Size and time of a local file, to detect changes; None if it is remote."""
    path = Path(location)
    return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None


def _names(sites: Sequence[Site], files: Sequence[SourceFile]) -> str:
    names = [*(site.host for site in sites), *(file.location for file in files)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _check_folders(
    destination: Path | Prefix, web: Path | None, files: Sequence[SourceFile], hold_out: Path | None
) -> None:
    """Checks, before it crawls, that the output holds no source, and that the hold-out has any."""
    if isinstance(destination, Path):
        local = (Path(file.location) for file in files if "://" not in file.location)
        check_inputs(destination, [*local, *filter(None, [web, hold_out])])
    if hold_out is not None:
        held_out_files(hold_out)


@contextmanager
def _serving(source: Source) -> Iterator[tuple[Sequence[str], ServerProcess | None]]:
    """The start URLs, and the process that serves them, if they are the sample web's."""
    if source.web is None:
        yield source.starts, None
        return
    with serve(source.web, source.port) as web:
        yield source.starts or [f"http://{host}:{source.port}/" for host in web.hosts], ServerProcess.current()


def _log_plan(found: Counter[str], plan: Plan) -> None:
    logger.info(
        "crawl: found %d pages with %d pairs; downloading %d pictures in %d parts and %d shards",
        found["pages.crawled"],
        found["pairs.found"],
        plan.pictures,
        len(plan.parts),
        plan.shards,
    )


def _measures(
    sites: int, files: Sequence[SourceFile], found: Counter[str], plan: Plan, outcomes: Counter[str], shards: int
) -> dict[str, Any]:
    dropped = _with_prefix(found + plan.dropped, DROPPED)
    failed = {reason: number for reason, number in sorted(outcomes.items()) if reason != SUCCESS}
    return {
        "sites": sites,
        "files": {"read": len(files), "unreadable_records": found[UNREADABLE]},
        "pages": {"crawled": found["pages.crawled"], "refused": _with_prefix(found, "pages.refused.")},
        "pairs": {"found": found["pairs.found"], "dropped": dropped},
        "pictures": {"attempted": outcomes.total(), "success": outcomes[SUCCESS], "failed": failed},
        "parts": len(plan.parts),
        "shards": shards,
    }


def _with_prefix(counts: Counter[str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): number for name, number in sorted(counts.items()) if name.startswith(prefix)}
