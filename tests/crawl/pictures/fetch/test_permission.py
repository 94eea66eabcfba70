"""What robots.txt, a header or a reservation forbids is left alone."""

import pytest
from components.crawl.pictures.fetch import Failure

from tests.crawl.conftest import Host
from tests.crawl.pictures.fetch.conftest import fetch, reason


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
    assert host.asked == {"/robots.txt": 1, "/crab.png": 2}


def test_a_redirect_to_a_forbidden_path_is_not_followed(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: *\nDisallow: /private/\n")
    host.serve("/crab.png", status=302, Location="/private/crab.png")
    assert reason(host, "/crab.png") == "robots_txt"
    assert host.asked["/private/crab.png"] == 0


@pytest.mark.parametrize("status", [500, 503, 429])
def test_nothing_is_asked_of_a_host_whose_robots_txt_fails(host: Host, status: int) -> None:
    host.serve("/robots.txt", status=status)
    host.serve("/crab.png", b"picture")
    assert reason(host, "/crab.png") == "robots_txt_unreachable"
    assert host.asked["/crab.png"] == 0


def test_everything_may_be_asked_of_a_host_without_robots_txt(host: Host) -> None:
    host.serve("/robots.txt", b"User-agent: *\nDisallow: /", status=404)
    host.serve("/crab.png", b"picture")
    assert fetch(host, "/crab.png") == [b"picture"]
