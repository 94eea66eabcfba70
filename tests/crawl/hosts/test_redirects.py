"""Redirects, in the downloader."""

import pytest
from aiohttp import web

from components.crawl.hosts.request import Failure
from tests.crawl.conftest import Host, knobs
from tests.crawl.hosts.requests import SITE, fetch, reason


def test_redirects_are_followed_on_the_host(host: Host) -> None:
    host.serve("/old.png", status=301, Location="/moved.png")
    host.serve("/moved.png", status=302, Location="//www.pictures.localhost:PORT/crab.png")

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://www.{SITE}:{host.port}/crab.png"})

    host.handlers["/moved.png"] = answer
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/old.png") == [b"picture"]


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ({"X_Robots_Tag": "noindex"}, Failure("noindex")),
        ({"TDM_Reservation": "1"}, Failure("tdm-reservation")),
        ({"Content_Usage": "train-ai=n"}, Failure("content-usage")),
        ({"X_Robots_Tag": "nofollow"}, Failure("nofollow")),
        ({"X_Robots_Tag": "other-bot: noindex"}, b"picture"),
    ],
)
def test_what_a_redirect_s_own_response_refuses_is_not_followed(
    host: Host, header: dict[str, str], outcome: bytes | Failure
) -> None:
    host.serve("/old.png", status=301, Location="/crab.png", **header)
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/old.png") == [outcome]


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


def cdn(host: Host, robots: bytes) -> None:
    """The host's pictures lie on another host, which has its own robots.txt."""

    async def serve_robots(request: web.Request) -> web.StreamResponse:
        return web.Response(body=robots if request.host.startswith("cdn.") else b"")

    host.handlers["/robots.txt"] = serve_robots

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://cdn.localhost:{host.port}/full.png"})

    host.handlers["/crab.png"] = answer
    host.serve("/full.png", b"picture")


@pytest.mark.parametrize("patterns", [["cdn.localhost"], ["*.localhost"], ["*"]])
def test_a_redirect_to_a_host_of_the_parameters_is_followed(host: Host, patterns: list[str]) -> None:
    cdn(host, b"User-agent: *\nDisallow: /crab.png\n")
    assert fetch(host, "/crab.png", "/crab.png", parameters=knobs(redirect_hosts=patterns)) == [b"picture"] * 2
    assert host.requests == {"/robots.txt": 2, "/crab.png": 2, "/full.png": 2}


def test_a_redirect_to_another_host_obeys_its_robots_txt(host: Host) -> None:
    cdn(host, b"User-agent: *\nDisallow: /full.png\n")
    assert reason(host, "/crab.png", redirect_hosts=["*"]) == "robots_txt"
    assert host.requests["/full.png"] == 0


@pytest.mark.parametrize(
    ("patterns", "outcome"), [([], "redirect_to_other_host"), (["*.cdn.example"], "redirect_to_other_host")]
)
def test_a_redirect_to_any_other_host_is_not(host: Host, patterns: list[str], outcome: str) -> None:
    cdn(host, b"")
    assert reason(host, "/crab.png", redirect_hosts=patterns) == outcome
    assert host.requests == {"/robots.txt": 1, "/crab.png": 1}


@pytest.mark.parametrize("location", ["http://127.0.0.1/x.png", "http://[::1]/x.png", "http://169.254.169.254/x.png"])
def test_a_redirect_to_a_private_address_is_refused_whatever_the_parameters(host: Host, location: str) -> None:
    host.serve("/crab.png", status=302, Location=location)
    assert reason(host, "/crab.png", redirect_hosts=["*"]) == "private_address"
