import asyncio
import gzip
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from components.crawl.hosts.hosts import Hosts
from components.crawl.hosts.limits import Arrival, SlotPool
from components.crawl.hosts.request import Failure, open_session, retry_after
from tests.crawl.conftest import Host, knobs
from tests.crawl.hosts.requests import SITE, fetch, pool, reason


def in_turn(*handlers: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """Responds with each handler in turn, and keeps using the last one."""
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


def test_transient_errors_are_retried(host: Host) -> None:
    host.handlers["/crab.png"] = in_turn(unavailable, cut_off, serve_picture)
    assert fetch(host, "/crab.png", parameters=knobs(retries=2)) == [b"picture"]


def test_a_persistent_error_is_reported_after_all_retries(host: Host) -> None:
    host.handlers["/crab.png"] = unavailable
    assert reason(host, "/crab.png", retries=2) == "http_503"
    assert host.requests["/crab.png"] == 3


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_dead_link_is_not_retried(host: Host, status: int) -> None:
    host.serve("/crab.png", status=status)
    assert reason(host, "/crab.png", retries=2) == f"http_{status}"
    assert host.requests["/crab.png"] == 1


def test_retries_wait_for_retry_after(host: Host) -> None:
    async def later(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "1"})

    host.handlers["/crab.png"] = in_turn(later, serve_picture)
    host.handlers["/other.png"] = serve_picture
    assert fetch(host, "/crab.png", parameters=knobs(retry_delay=0.0)) == [b"picture"]
    assert host.times[-1] - host.times[-2] >= 0.9


def test_a_longer_retry_after_than_allowed_is_not_retried(host: Host) -> None:
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


def test_a_host_that_keeps_failing_is_given_up(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(20)]
    host.handlers |= dict.fromkeys(paths, unavailable)
    answers = fetch(host, *paths, parameters=knobs(connections=1, retries=0, give_up_after=5))
    assert [a.reason for a in answers if isinstance(a, Failure)] == ["http_503"] * 5 + ["host_given_up"] * 15
    assert host.requests.total() == 6


def test_a_failed_picture_keeps_its_reason_when_its_host_is_given_up(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(12)]
    host.handlers |= dict.fromkeys(paths, unavailable)
    knob = knobs(connections=4, retries=2, retry_delay=0.05, give_up_after=6)
    answers = Counter(a.reason for a in fetch(host, *paths, parameters=knob) if isinstance(a, Failure))
    assert set(answers) == {"http_503", "host_given_up"}
    assert answers["http_503"] >= 6
    assert answers.total() == 12


def test_a_host_that_responds_now_and_then_is_not_given_up(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(12)]
    for n, path in enumerate(paths):
        host.handlers[path] = unavailable if n % 4 else serve_picture
    answers = fetch(host, *paths, parameters=knobs(connections=1, retries=0, give_up_after=4))
    assert answers.count(b"picture") == 3
    assert host.requests.total() == 13


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
def test_private_addresses_get_no_requests(host: Host, url: str) -> None:
    assert reason(host, url) == "private_address"
    assert not host.requests


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f000001"])
def test_disguised_addresses_get_no_requests(host: Host, name: str) -> None:
    assert reason(host, f"http://{name}:PORT/x") in ("bad_address", "private_address")
    assert not host.requests


def test_a_file_over_the_limit_is_not_read(host: Host) -> None:
    host.serve("/crab.png", bytes(5000))
    assert reason(host, "/crab.png", max_picture_bytes=4999) == "too_large"
    assert fetch(Host(host.handlers), "/crab.png", parameters=knobs(max_picture_bytes=5000)) == [bytes(5000)]


def test_a_file_without_content_length_is_cut_off_at_the_limit(host: Host) -> None:
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
def test_a_host_that_sends_too_much_without_content_length_is_given_up(host: Host, said: bool, requests: int) -> None:
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


def test_a_truncated_body_is_a_failure(host: Host) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(bytes(10))
        assert request.transport is not None
        request.transport.close()
        return response

    host.handlers["/crab.png"] = broken
    assert reason(host, "/crab.png") == "closed_early"


def test_a_server_that_never_responds_times_out(host: Host) -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    host.handlers["/crab.png"] = silent
    assert reason(host, "/crab.png", timeout=0.2, retries=0) == "timeout"


def test_an_unreachable_server_is_a_failure() -> None:
    parameters = knobs(retries=0)

    async def run() -> bytes | Failure:
        async with Host() as host:
            url = host.url("/robots.txt")
        async with open_session(parameters) as session:
            return await Hosts(session, parameters, pool())[SITE].picture(url)

    assert asyncio.run(run()) == Failure("robots_txt_unreachable")


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "compress", "gzip, br"])
def test_a_compressed_body_that_cannot_be_read_is_rejected(host: Host, coding: str) -> None:
    host.serve("/crab.png", b"anything", Content_Encoding=coding)
    assert reason(host, "/crab.png") == "encoded_body"


@pytest.mark.parametrize("coding", ["none", "identity", "UTF-8", "binary", "", " None ", "identity, none"])
def test_a_coding_that_is_none_changes_nothing(host: Host, coding: str) -> None:
    host.serve("/crab.png", b"picture", Content_Encoding=coding)
    assert fetch(host, "/crab.png") == [b"picture"]


def test_a_body_that_unfolds_beyond_the_limit_is_too_large(host: Host) -> None:
    host.serve("/crab.png", gzip.compress(bytes(10**7)), Content_Encoding="gzip")
    assert reason(host, "/crab.png") == "too_large"


def test_concurrent_requests_are_limited(host: Host) -> None:
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
def test_requests_keep_the_delay_of_the_parameters_or_of_robots_txt(host: Host, delay: float, robots: bytes) -> None:
    paths = [f"/{n}.png" for n in range(4)]
    host.serve("/robots.txt", robots)
    for path in paths:
        host.serve(path, b"picture")
    fetch(host, *paths, parameters=knobs(delay=delay))
    starts = sorted(host.times)[1:]
    assert all(later - sooner > 0.02 for sooner, later in pairwise(starts))


def test_responses_that_stall_are_held_in_bounded_memory(host: Host) -> None:
    size, number, held_bytes = 1_000_000, 10, 400_000
    stalled = asyncio.Event()
    peak = 0

    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        await response.write(bytes(size - 1))
        if host.requests.total() > number:  # with robots.txt
            stalled.set()
        await stalled.wait()
        await response.write(b"x")
        return response

    class Watched(SlotPool):
        def count(self, arrival: Arrival, size: int) -> None:
            nonlocal peak
            super().count(arrival, size)
            peak = max(peak, self.held)

    async def run() -> list[bytes | Failure]:
        slots = Watched(requests=100, max_bytes=held_bytes)
        parameters = knobs(connections=number, max_picture_bytes=size)
        async with host, open_session(parameters) as session:
            fetcher = Hosts(session, parameters, slots)[SITE]
            return await asyncio.gather(*(fetcher.picture(host.url(f"/{n}.png")) for n in range(number)))

    host.handlers |= {f"/{n}.png": stall for n in range(number)}
    assert asyncio.run(run()) == [bytes(size - 1) + b"x"] * number
    # One is read to its end; the others have the bytes that any has, and one more chunk.
    assert peak <= held_bytes + size + number * (128 + 64) * 1024
