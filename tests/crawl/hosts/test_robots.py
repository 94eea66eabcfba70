"""robots.txt and robots directives, in the downloader."""

import gzip
from itertools import pairwise

import pytest
from aiohttp import web

from components.crawl.hosts.request import Failure
from tests.crawl.conftest import Host, knobs
from tests.crawl.hosts.requests import fetch, reason


@pytest.mark.parametrize("directive", ["noindex", "noai", "noimageai", "test-crawl: noimageindex"])
def test_directives_of_the_response_are_obeyed(host: Host, directive: str) -> None:
    host.serve("/crab.png", b"picture", X_Robots_Tag=directive)
    assert reason(host, "/crab.png") == directive.removeprefix("test-crawl: ")


def test_a_tdm_reservation_is_obeyed(host: Host) -> None:
    host.serve("/crab.png", b"picture", TDM_Reservation="1")
    host.serve("/free.png", b"picture", TDM_Reservation="0")
    assert fetch(host, "/crab.png", "/free.png") == [Failure("tdm-reservation"), b"picture"]


def test_robots_txt_is_obeyed_and_requested_once(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: test-crawl\nDisallow: /private/\n\nUser-agent: *\nDisallow: /\n")
    host.serve("/crab.png", b"picture")
    host.serve("/private/crab.png", b"secret")
    assert fetch(host, "/private/crab.png", "/crab.png", "/crab.png") == [Failure("robots_txt"), b"picture", b"picture"]
    assert host.requests == {"/robots.txt": 1, "/crab.png": 2}


def test_a_redirect_to_a_disallowed_path_is_not_followed(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: *\nDisallow: /private/\n")
    host.serve("/crab.png", status=302, Location="/private/crab.png")
    assert reason(host, "/crab.png") == "robots_txt"
    assert host.requests["/private/crab.png"] == 0


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failing_robots_txt_disallows_everything(host: Host, status: int) -> None:
    host.serve("/robots.txt", status=status)
    host.serve("/crab.png", b"picture")
    assert reason(host, "/crab.png") == "robots_txt_unreachable"
    assert host.requests["/crab.png"] == 0


def test_a_missing_robots_txt_allows_everything(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: *\nDisallow: /", status=404)
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png") == [b"picture"]


def test_a_byte_order_mark_hides_no_rule(host: Host) -> None:
    host.serve("/robots.txt", "\ufeffUser-agent: *\nDisallow: /private/\n".encode())
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/private/crab.png", "/crab.png") == [Failure("robots_txt"), b"picture"]


def elsewhere(host: Host, status: int = 301, *, to: str) -> None:
    """Redirects robots.txt of the host, wherever `to` leads."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.host.startswith("pictures."):
            return web.Response(status=status, headers={"Location": to.replace(":PORT", f":{host.port}")})
        return web.Response(body=b"User-agent: *\nDisallow: /private/\n")

    host.handlers["/robots.txt"] = answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_rules_that_another_host_serves_hold_for_this_one(host: Host, status: int) -> None:
    elsewhere(host, status, to="http://main.localhost:PORT/robots.txt")
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/private/crab.png", "/crab.png") == [Failure("robots_txt"), b"picture"]


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:PORT/robots.txt", "http://[::1]:PORT/robots.txt", "http://localhost:PORT/robots.txt"]
)
def test_rules_on_a_private_host_are_unreachable(host: Host, to: str) -> None:
    elsewhere(host, to=to)
    host.serve("/crab.png", b"picture")
    parameters = knobs(allow_private_hosts=["pictures.localhost"])
    assert fetch(host, "/crab.png", parameters=parameters) == [Failure("robots_txt_unreachable")]
    assert host.requests == {"/robots.txt": 1}


@pytest.mark.parametrize(("redirects", "outcome"), [(5, b"picture"), (6, Failure("robots_txt_unreachable"))])
def test_five_redirects_lead_to_the_rules_whatever_pictures_may_have(
    host: Host, redirects: int, outcome: bytes | Failure
) -> None:
    steps = ["/robots.txt", *(f"/{n}.txt" for n in range(1, redirects)), "/rules.txt"]
    for step, following in pairwise(steps):
        host.serve(step, status=302, Location=following)
    host.serve("/rules.txt", b"User-agent: *\nDisallow: /private/\n")
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png", parameters=knobs(redirects=0)) == [outcome]


def test_a_large_robots_txt_is_read_as_far_as_it_must_be(host: Host) -> None:
    rules = b"User-agent: *\nDisallow: /private/\n" + b"#" * 10**6 + b"\nDisallow: /\n"
    host.serve("/robots.txt", rules)
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/private/crab.png", "/crab.png") == [Failure("robots_txt"), b"picture"]


@pytest.mark.parametrize(
    ("coding", "body", "outcome"),
    [
        ("gzip", gzip.compress(b"User-agent: *\nDisallow: /\n"), Failure("robots_txt")),
        ("gzip", b"User-agent: *\nDisallow: /\n", Failure("robots_txt")),
        ("none", b"User-agent: *\nDisallow: /\n", Failure("robots_txt")),
        ("gzip", gzip.compress(b"User-agent: *\nDisallow: /\n" + b"#" * 10**7), Failure("robots_txt")),
        ("br", b"\x0b\x02\x80", Failure("robots_txt_unreachable")),
    ],
)
def test_a_compressed_robots_txt_is_obeyed(host: Host, coding: str, body: bytes, outcome: Failure) -> None:
    host.serve("/robots.txt", body, Content_Encoding=coding)
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png") == [outcome]


def test_a_usage_preference_of_the_response_is_obeyed(host: Host) -> None:
    host.serve("/crab.png", b"picture", Content_Usage="train-ai=n")
    host.serve("/free.png", b"picture", Content_Usage="train-ai=y, search=n")
    assert fetch(host, "/crab.png", "/free.png") == [Failure("content-usage"), b"picture"]
