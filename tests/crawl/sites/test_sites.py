"""The spider's process, on a small web."""

import sys
from pathlib import Path
from subprocess import PIPE, Popen

import psutil
import pytest

from components.crawl.local_web.web import Web, serve
from components.crawl.pair_files import read_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.sites.sites import Site, _crawl_site, group_sites
from components.errors import InputError
from components.execution.shard_map import Outcome
from tests import ROOT
from tests.crawl.conftest import Archive, knobs
from tests.ports import free_port

HOST = "site.localhost"
IMAGE = '<img src="/img/{0}.png" alt="crab {0}">'


def crawl(web: Path, out: Path, parameters: CrawlParameters | None = None) -> tuple[Outcome, list[str], Web]:
    """Counts of pages, the pairs found, and the requests."""
    port = free_port()
    for archive in web.glob("*.zip"):
        archive.write_bytes(archive.read_bytes().replace(b":PORT0", f":{port}".encode().ljust(6)))
    out.mkdir()
    with serve(web, port) as requests:
        outcome = _crawl_site(parameters or knobs(), None, Site(HOST, (f"http://{HOST}:{port}/",)), 0, out)
    return outcome, [Path(pair.url).stem for pair in read_pairs(out / "00000.parquet")], requests


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, list[str], Web]:
    """A site with everything that a crawler must handle."""
    folder = tmp_path_factory.mktemp("web")
    site = Archive(HOST)
    links = ["a", "private/secret", "drafts", "old", "gone", "loop-a", "away", "inside", "older", "paper.pdf"]
    site.page(
        "/index.html",
        IMAGE.format("front")
        + "".join(f'<a href="/{link}{"" if "." in link else ".html"}">x</a>' for link in links)
        + '<a href="/noise">x</a><a rel="nofollow" href="/unloved.html">x</a><a href="http://elsewhere.localhost/">x</a>',
    )
    site.page(
        "/a.html", IMAGE.format("a") + '<a href="b.html">next</a><a href="/">home</a><a href="/index.html">home</a>'
    )
    site.page("/b.html", IMAGE.format("b") + '<img src="pixel.gif" width="1" height="1">')
    site.page("/private/secret.html", IMAGE.format("secret"))
    site.page("/drafts.html", IMAGE.format("draft") + '<a href="/behind-drafts.html">x</a>')
    site.page("/behind-drafts.html", IMAGE.format("behind-drafts"))
    site.page("/unloved.html", IMAGE.format("unloved"))
    site.files["/robots.txt"] = b"User-agent: *\nDisallow: /private/\n"
    site.files["/noise"] = bytes(range(256))
    site.files["/paper.pdf"] = b"%PDF-1.4"
    site.answer("/drafts.html", X_Robots_Tag="noindex, nofollow")
    site.answer("/old.html", 301, Location="/b.html")
    site.answer("/older.html", 301, Location="/old.html")
    site.answer("/loop-a.html", 302, Location="/loop-b.html")
    site.answer("/loop-b.html", 302, Location="/loop-a.html")
    site.answer("/away.html", 302, Location="http://elsewhere.localhost/")
    site.answer("/inside.html", 302, Location="http://127.0.0.1/")
    site.write(folder)
    return crawl(folder, folder / "out")


def test_pages_are_found_by_their_links_and_give_pairs(crawled: tuple[Outcome, list[str], Web]) -> None:
    outcome, pictures, _ = crawled
    assert sorted(pictures) == ["a", "b", "front", "front"]  # the front page has two addresses
    assert outcome.counts["pages.crawled"] == 4
    assert outcome.counts["pairs.found"] == 4
    assert outcome.counts["pairs.dropped.spacer"] == 1


def test_pages_without_pairs_are_counted_by_reason(crawled: tuple[Outcome, list[str], Web]) -> None:
    outcome, _, _ = crawled
    refused = {name.split(".")[-1]: n for name, n in outcome.counts.items() if name.startswith("pages.refused")}
    assert refused == {
        "robots_txt": 1,
        "noindex": 1,
        "reached_before": 1,
        "http_404": 1,
        "too_many_redirects": 1,
        "redirect_to_other_site": 2,
        "not_html": 1,
    }
    assert outcome.counts["pairs.dropped.noindex"] == 1
    assert outcome.errors == 0


def test_nothing_disallowed_is_requested(crawled: tuple[Outcome, list[str], Web]) -> None:
    _, _, web = crawled
    paths = [path for _, path, _ in web.requests]
    forbidden = {"/private/secret.html", "/behind-drafts.html", "/unloved.html", "/paper.pdf"}
    assert not forbidden & set(paths)
    assert {host for host, _, _ in web.requests} == {HOST}
    assert paths[0] == "/robots.txt"
    assert paths.count("/robots.txt") == 1


def test_the_crawler_names_itself(crawled: tuple[Outcome, list[str], Web]) -> None:
    assert {agent for _, _, agent in crawled[2].requests} == {"test-crawl/1.0 (tests)"}


def test_limits_cut_off_the_same_pages_every_time(tmp_path: Path) -> None:
    site = Archive(HOST)
    site.page("/index.html", "".join(f'<a href="/{n}.html">x</a>' for n in range(8, 0, -1)))
    for n in range(1, 9):
        site.page(f"/{n}.html", IMAGE.format(n) + f'<a href="/deep-{n}.html">x</a>')
        site.page(f"/deep-{n}.html", IMAGE.format(f"deep-{n}"))
    site.write(tmp_path / "web")
    outcome, pictures, _ = crawl(tmp_path / "web", tmp_path / "out", knobs(pages=7, depth=1))
    assert sorted(pictures) == ["1", "2", "3", "4", "5", "6"]
    assert outcome.counts["pages.refused.beyond_page_limit"] == 2
    assert outcome.counts["pages.refused.too_deep"] == 6


@pytest.mark.parametrize(("status", "reason"), [(503, "robots_txt_unreachable"), (404, None)])
def test_a_failing_robots_txt_disallows_all_and_a_missing_one_nothing(
    tmp_path: Path, status: int, reason: str | None
) -> None:
    site = Archive(HOST)
    site.page("/index.html", IMAGE.format("front"))
    site.files["/robots.txt"] = b"User-agent: *\nDisallow: /\n"
    site.answer("/robots.txt", status)
    site.write(tmp_path / "web")
    outcome, pictures, _ = crawl(tmp_path / "web", tmp_path / "out", knobs(retries=0))
    assert outcome.counts.get(f"pages.refused.{reason}", 0) == outcome.errors == (1 if reason else 0)
    assert pictures == ([] if reason else ["front"])


def test_a_site_with_a_private_address_gets_no_requests_unless_allowed(tmp_path: Path) -> None:
    site = Archive(HOST)
    site.page("/index.html", IMAGE.format("front"))
    site.write(tmp_path / "web")
    outcome, _, web = crawl(tmp_path / "web", tmp_path / "out", knobs(allow_private_hosts=[]))
    assert outcome.counts["pages.refused.private_address"] == 1
    assert web.requests == []


def test_a_spider_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from components.crawl.sites.sites import SpiderJob, _run_spider
from tests.crawl.conftest import knobs
print(flush=True)
job = SpiderJob("site.localhost", ("http://site.localhost:9/",), Path({str(tmp_path)!r}), knobs(delay=600.0, retries=5))
_run_spider(job)
"""
    with Popen([sys.executable, "-c", program], stdout=PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        process = psutil.Process(parent.pid)
        while not (children := process.children()):
            assert parent.poll() is None
        parent.kill()
        _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


def test_starts_are_grouped_by_site() -> None:
    starts = ["http://www.b.example/x", "http://a.example", "http://b.example/"]
    assert group_sites(starts, knobs()) == [
        Site("a.example", ("http://a.example/",)),
        Site("b.example", ("http://b.example/", "http://www.b.example/x")),
    ]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("example", "is not a URL to crawl"),
        ("ftp://example.org/", "is not a URL to crawl"),
        ("http://127.0.0.1/", "add '127.0.0.1' to crawl.allow_private_hosts"),
        ("http://localhost:8080/", "add 'localhost' to crawl.allow_private_hosts"),
    ],
)
def test_an_invalid_start_url_is_an_error(start: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        group_sites([start], knobs())
