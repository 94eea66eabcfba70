"""A busy server is asked again, a dead link is not, and a host that only fails is given up."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from components.crawl.pictures.fetch import Failure, HostFetcher, open_session, retry_after

from tests.crawl.conftest import Host, knobs
from tests.crawl.pictures.fetch.conftest import SITE, fetch, gate, reason


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


async def well(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"picture")


async def busy(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


def test_a_picture_is_fetched_by_a_crawler_that_names_itself(host: Host) -> None:
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png") == [b"picture"]
    assert host.agents == {"test-crawl/1.0 (tests)"}


def test_a_server_that_is_busy_at_first_is_asked_again(host: Host) -> None:
    host.handlers["/crab.png"] = in_turn(busy, cut_off, well)
    assert fetch(host, "/crab.png", parameters=knobs(retries=2)) == [b"picture"]


def test_a_server_that_stays_busy_is_given_up(host: Host) -> None:
    host.handlers["/crab.png"] = busy
    assert reason(host, "/crab.png", retries=2) == "http_503"
    assert host.asked["/crab.png"] == 3


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_dead_link_is_not_asked_for_again(host: Host, status: int) -> None:
    host.serve("/crab.png", status=status)
    assert reason(host, "/crab.png", retries=2) == f"http_{status}"
    assert host.asked["/crab.png"] == 1


def test_a_server_that_says_when_is_asked_again_then(host: Host) -> None:
    async def later(_: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "1"})

    host.handlers["/crab.png"] = in_turn(later, well)
    host.handlers["/other.png"] = well
    assert fetch(host, "/crab.png", parameters=knobs(retry_delay=0.0)) == [b"picture"]
    assert host.times[-1] - host.times[-2] >= 0.9


def test_a_server_that_asks_for_a_longer_rest_than_allowed_is_not_asked_again(host: Host) -> None:
    host.serve("/crab.png", status=503, Retry_After="3600")
    assert reason(host, "/crab.png", retries=3, max_rest=0.1) == "http_503"
    assert host.asked["/crab.png"] == 1


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
    host.handlers |= dict.fromkeys(paths, busy)
    answers = fetch(host, *paths, parameters=knobs(connections=1, retries=0, give_up_after=5))
    assert [a.reason for a in answers if isinstance(a, Failure)] == ["http_503"] * 5 + ["host_given_up"] * 15
    assert host.asked.total() == 6


def test_a_picture_that_was_refused_keeps_its_reason_when_its_host_is_given_up_meanwhile(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(12)]
    host.handlers |= dict.fromkeys(paths, busy)
    knob = knobs(connections=4, retries=2, retry_delay=0.05, give_up_after=6)
    answers = Counter(a.reason for a in fetch(host, *paths, parameters=knob) if isinstance(a, Failure))
    assert set(answers) == {"http_503", "host_given_up"}
    assert answers["http_503"] >= 6
    assert answers.total() == 12


def test_a_host_that_answers_now_and_then_is_not_given_up(host: Host) -> None:
    paths = [f"/{n}.png" for n in range(12)]
    for n, path in enumerate(paths):
        host.handlers[path] = busy if n % 4 else well
    answers = fetch(host, *paths, parameters=knobs(connections=1, retries=0, give_up_after=4))
    assert answers.count(b"picture") == 3
    assert host.asked.total() == 13


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
            return await HostFetcher(SITE, session, parameters, gate()).picture(url)

    assert asyncio.run(run()) == Failure("robots_txt_unreachable")
