import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from components.crawl.hosts.fetch import Failure, HostFetcher, open_session, retry_after
from components.crawl.hosts.limits import SlotPool
from components.crawl.parameters import CrawlParameters
from tests.crawl.conftest import Host, knobs

SITE = "pictures.localhost"


def pool() -> SlotPool:
    return SlotPool(requests=100, max_bytes=10**9)


def fetch(host: Host, *paths: str, parameters: CrawlParameters | None = None) -> list[bytes | Failure]:
    """What the downloader gets for paths (or whole addresses) of one host, asked all at once."""
    parameters = parameters or knobs()

    async def run() -> list[bytes | Failure]:
        async with host, open_session(parameters) as session:
            fetcher = HostFetcher(SITE, session, parameters, pool())
            urls = [p.replace(":PORT", f":{host.port}") if "://" in p else host.url(p) for p in paths]
            return await asyncio.gather(*map(fetcher.picture, urls))

    return asyncio.run(run())


def reason(host: Host, path: str, **changes: Any) -> str:
    (answer,) = fetch(host, path, parameters=knobs(**changes))
    assert isinstance(answer, Failure)
    return answer.reason


def in_turn(*handlers: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """Answers by the first handler, then by the second, …; by the last for ever."""
    left = list(handlers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


async def cut_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def serve_picture(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"picture")


async def unavailable(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


def test_a_picture_is_fetched_by_a_crawler_that_names_itself(host: Host) -> None:
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png") == [b"picture"]
    assert host.agents == {"test-crawl/1.0 (tests)"}


def test_a_server_that_is_busy_at_first_is_asked_again(host: Host) -> None:
    host.handlers["/crab.png"] = in_turn(unavailable, cut_off, serve_picture)
    assert fetch(host, "/crab.png", parameters=knobs(retries=2)) == [b"picture"]


def test_a_server_that_stays_busy_is_given_up(host: Host) -> None:
    host.handlers["/crab.png"] = unavailable
    assert reason(host, "/crab.png", retries=2) == "http_503"
    assert host.requests["/crab.png"] == 3


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_dead_link_is_not_asked_for_again(host: Host, status: int) -> None:
    host.serve("/crab.png", status=status)
    assert reason(host, "/crab.png", retries=2) == f"http_{status}"
    assert host.requests["/crab.png"] == 1


def test_a_server_that_says_when_is_asked_again_then(host: Host) -> None:
    async def later(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "1"})

    host.handlers["/crab.png"] = in_turn(later, serve_picture)
    host.handlers["/other.png"] = serve_picture
    assert fetch(host, "/crab.png", parameters=knobs(retry_delay=0.0)) == [b"picture"]
    assert host.times[-1] - host.times[-2] >= 0.9


def test_a_server_that_asks_for_a_longer_rest_than_allowed_is_not_asked_again(host: Host) -> None:
    host.serve("/crab.png", status=503, Retry_After="3600")
    assert reason(host, "/crab.png", retries=3, max_rest=0.1) == "http_503"
    assert host.requests["/crab.png"] == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Tue, 03 Nov 2026 10:00:30 GMT", 30),
        ("Tue, 03 Nov 2026 09:00:00 GMT", 0),
        ("Tue, 03 Nov 2026 10:00:30 -0000", 30),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float) -> None:
    assert retry_after(value, datetime(2026, 11, 3, 10, tzinfo=UTC)) == seconds


def test_a_host_that_fails_again_and_again_is_asked_no_more(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(20)]
    host.handlers |= dict.fromkeys(paths, unavailable)
    answers = fetch(host, *paths, parameters=knobs(connections=1, retries=0, give_up_after=5))
    assert [a.reason for a in answers if isinstance(a, Failure)] == ["http_503"] * 5 + ["host_given_up"] * 15
    assert host.requests.total() == 6


def test_a_picture_that_was_refused_keeps_its_reason_when_its_host_is_given_up_meanwhile(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(12)]
    host.handlers |= dict.fromkeys(paths, unavailable)
    knob = knobs(connections=4, retries=2, retry_delay=0.05, give_up_after=6)
    answers = Counter(a.reason for a in fetch(host, *paths, parameters=knob) if isinstance(a, Failure))
    assert set(answers) == {"http_503", "host_given_up"}
    assert answers["http_503"] >= 6
    assert answers.total() == 12


def test_a_host_that_answers_now_and_then_is_not_given_up(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(12)]
    for n, path in enumerate(paths):
        host.handlers[path] = unavailable if n % 4 else serve_picture
    answers = fetch(host, *paths, parameters=knobs(connections=1, retries=0, give_up_after=4))
    assert answers.count(b"picture") == 3
    assert host.requests.total() == 13


def test_redirects_are_followed_on_the_host(host: Host) -> None:
    host.serve("/old.png", status=301, Location="/moved.png")
    host.serve("/moved.png", status=302, Location="//www.pictures.localhost:PORT/crab.png")

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://www.{SITE}:{host.port}/crab.png"})

    host.handlers["/moved.png"] = answer
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/old.png") == [b"picture"]


def test_a_redirect_loop_ends(host: Host) -> None:
    host.serve("/a.png", status=302, Location="/b.png")
    host.serve("/b.png", status=302, Location="/a.png")
    assert reason(host, "/a.png", redirects=3) == "too_many_redirects"
    assert host.requests["/a.png"] + host.requests["/b.png"] == 4


@pytest.mark.parametrize(
    ("location", "outcome"),
    [
        ("http://other.localhost/crab.png", "redirect_to_other_host"),
        ("http://127.0.0.1/crab.png", "redirect_to_other_host"),
        ("ftp://pictures.localhost/crab.png", "bad_redirect"),
        ("", "bad_redirect"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(host: Host, location: str, outcome: str) -> None:
    host.serve("/crab.png", status=302, Location=location)
    assert reason(host, "/crab.png") == outcome


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:PORT/x",
        "http://10.0.0.1/x",
        "http://[::1]:PORT/x",
        "http://169.254.169.254/x",
        "http://localhost:PORT/x",
    ],
)
def test_private_addresses_are_not_asked(host: Host, url: str) -> None:
    assert reason(host, url) == "private_address"
    assert not host.requests


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f000001"])
def test_an_address_in_disguise_is_not_asked(host: Host, name: str) -> None:
    assert reason(host, f"http://{name}:PORT/x") in ("bad_address", "private_address")
    assert not host.requests


def test_a_file_over_the_limit_is_not_read(host: Host) -> None:
    host.serve("/crab.png", bytes(5000))
    assert reason(host, "/crab.png", max_picture_bytes=4999) == "too_large"
    assert fetch(Host(host.handlers), "/crab.png", parameters=knobs(max_picture_bytes=5000)) == [bytes(5000)]


def test_a_file_that_does_not_say_its_length_is_cut_off_at_the_limit(host: Host) -> None:
    sent = []

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(10_000))
            sent.append(10_000)

    host.handlers["/crab.png"] = endless
    assert reason(host, "/crab.png", max_picture_bytes=50_000) == "too_large"


@pytest.mark.parametrize(("said", "requests"), [(False, 3), (True, 6)])
def test_a_host_that_sends_too_much_without_saying_so_is_given_up(host: Host, said: bool, requests: int) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10 * 2**30)} if said else {})
        await response.prepare(request)
        while True:
            await response.write(bytes(10_000))

    paths = [f"/{n}.png" for n in range(6)]
    host.handlers |= dict.fromkeys(paths, endless)
    knob = knobs(connections=1, give_up_after=3, max_picture_bytes=50_000)
    answers = [a.reason for a in fetch(host, *paths, parameters=knob) if isinstance(a, Failure)]
    assert answers == ["too_large"] * requests + ["host_given_up"] * (6 - requests)


def test_a_body_that_breaks_off_is_no_picture(host: Host) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(bytes(10))
        assert request.transport is not None
        request.transport.close()
        return response

    host.handlers["/crab.png"] = broken
    assert reason(host, "/crab.png") == "closed_early"


def test_a_server_that_never_answers_is_given_up(host: Host) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    host.handlers["/crab.png"] = silent
    assert reason(host, "/crab.png", timeout=0.2, retries=0) == "timeout"


def test_a_server_that_is_not_there_is_a_failed_connection() -> None:
    parameters = knobs(retries=0)

    async def run() -> bytes | Failure:
        async with Host() as host:
            url = host.url("/robots.txt")
        async with open_session(parameters) as session:
            return await HostFetcher(SITE, session, parameters, pool()).picture(url)

    assert asyncio.run(run()) == Failure("robots_txt_unreachable")


def test_a_body_that_is_compressed_again_is_refused(host: Host) -> None:
    host.serve("/crab.png", b"anything", Content_Encoding="gzip")
    assert reason(host, "/crab.png") == "encoded_body"


@pytest.mark.parametrize("directive", ["noindex", "noai", "noimageai", "test-crawl: noimageindex"])
def test_a_picture_whose_server_objects_is_left(host: Host, directive: str) -> None:
    host.serve("/crab.png", b"picture", X_Robots_Tag=directive)
    assert reason(host, "/crab.png") == directive.removeprefix("test-crawl: ")


def test_a_picture_that_is_reserved_from_text_and_data_mining_is_left(host: Host) -> None:
    host.serve("/crab.png", b"picture", TDM_Reservation="1")
    host.serve("/free.png", b"picture", TDM_Reservation="0")
    assert fetch(host, "/crab.png", "/free.png") == [Failure("tdm-reservation"), b"picture"]


def test_robots_txt_is_obeyed_and_asked_for_once(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: test-crawl\nDisallow: /private/\n\nUser-agent: *\nDisallow: /\n")
    host.serve("/crab.png", b"picture")
    host.serve("/private/crab.png", b"secret")
    assert fetch(host, "/private/crab.png", "/crab.png", "/crab.png") == [Failure("robots_txt"), b"picture", b"picture"]
    assert host.requests == {"/robots.txt": 1, "/crab.png": 2}


def test_a_redirect_to_a_forbidden_path_is_not_followed(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: *\nDisallow: /private/\n")
    host.serve("/crab.png", status=302, Location="/private/crab.png")
    assert reason(host, "/crab.png") == "robots_txt"
    assert host.requests["/private/crab.png"] == 0


@pytest.mark.parametrize("status", [500, 503, 429])
def test_nothing_is_asked_of_a_host_whose_robots_txt_fails(host: Host, status: int) -> None:
    host.serve("/robots.txt", status=status)
    host.serve("/crab.png", b"picture")
    assert reason(host, "/crab.png") == "robots_txt_unreachable"
    assert host.requests["/crab.png"] == 0


def test_everything_may_be_asked_of_a_host_without_robots_txt(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: *\nDisallow: /", status=404)
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png") == [b"picture"]


def test_no_more_requests_are_under_way_than_allowed(host: Host) -> None:
    together = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        if host.busiest >= 3:
            together.set()
        await together.wait()
        return web.Response(body=b"picture")

    paths = [f"/{n}.png" for n in range(20)]
    host.handlers |= dict.fromkeys(paths, slow)
    assert fetch(host, *paths, parameters=knobs(connections=3)) == [b"picture"] * 20
    assert host.busiest == 3


@pytest.mark.parametrize(("delay", "robots"), [(0.05, b""), (0.0, b"User-agent: *\nCrawl-delay: 0.05\n")])
def test_requests_keep_the_pause_that_we_or_the_server_want(host: Host, delay: float, robots: bytes) -> None:
    paths = [f"/{n}.png" for n in range(4)]
    host.serve("/robots.txt", robots)
    for path in paths:
        host.serve(path, b"picture")
    fetch(host, *paths, parameters=knobs(delay=delay))
    starts = sorted(host.times)[1:]
    assert all(later - sooner > 0.02 for sooner, later in pairwise(starts))
