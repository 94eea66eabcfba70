"""A host gets no more requests at once, and no faster, than allowed."""

import asyncio
from itertools import pairwise

import pytest
from aiohttp import web

from tests.crawl.conftest import Host, knobs
from tests.crawl.pictures.fetch.conftest import fetch


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
