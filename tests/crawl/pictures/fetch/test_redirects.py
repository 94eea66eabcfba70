"""Redirects are followed within a host; private addresses are never asked."""

import pytest
from aiohttp import web

from tests.crawl.conftest import Host
from tests.crawl.pictures.fetch.conftest import SITE, fetch, reason


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
    assert host.asked["/a.png"] + host.asked["/b.png"] == 4


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
    assert not host.asked


@pytest.mark.parametrize("name", ["127.1", "2130706433", "0x7f000001"])
def test_an_address_in_disguise_is_not_asked(host: Host, name: str) -> None:
    assert reason(host, f"http://{name}:PORT/x") in ("bad_address", "private_address")
    assert not host.asked
