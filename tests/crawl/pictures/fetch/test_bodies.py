"""A body is taken whole and within the limit, or not at all."""

import pytest
from aiohttp import web
from components.crawl.pictures.fetch import Failure

from tests.crawl.conftest import Host, knobs
from tests.crawl.pictures.fetch.conftest import fetch, reason


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


@pytest.mark.parametrize(("said", "asked"), [(False, 3), (True, 6)])
def test_a_host_that_sends_too_much_without_saying_so_is_given_up(host: Host, said: bool, asked: int) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(10 * 2**30)} if said else {})
        await response.prepare(request)
        while True:
            await response.write(bytes(10_000))

    paths = [f"/{n}.png" for n in range(6)]
    host.handlers |= dict.fromkeys(paths, endless)
    knob = knobs(connections=1, give_up_after=3, max_picture_bytes=50_000)
    answers = [a.reason for a in fetch(host, *paths, parameters=knob) if isinstance(a, Failure)]
    assert answers == ["too_large"] * asked + ["host_given_up"] * (6 - asked)


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


def test_a_body_that_is_compressed_again_is_refused(host: Host) -> None:
    host.serve("/crab.png", b"anything", Content_Encoding="gzip")
    assert reason(host, "/crab.png") == "encoded_body"
