"""robots.txt and robots directives, in the downloader."""

import pytest

from components.crawl.hosts.request import Failure
from tests.crawl.conftest import Host
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
