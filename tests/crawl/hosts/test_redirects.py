"""Redirects, in the downloader."""

import pytest
from aiohttp import web

from tests.crawl.conftest import Host
from tests.crawl.hosts.requests import SITE, fetch, reason


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
