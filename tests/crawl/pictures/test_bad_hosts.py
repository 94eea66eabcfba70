"""Hosts that misbehave are counted by reason, and keep no other host waiting."""

import asyncio
from collections import Counter
from pathlib import Path

from aiohttp import web

from components.crawl.pair import Pair
from components.crawl.pair_files import write_pairs
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.part_download import PartDownload
from components.crawl.pictures.timing import read_timing
from components.crawl.plan import Part, make_plan
from components.shards.format import SUCCESS
from components.shards.index import read_index
from tests.crawl.conftest import Handler, Host, drawing, encoded, knobs


async def _hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.1)


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(10 * 2**30)})
    await response.prepare(request)
    while True:
        await response.write(bytes(2**16))


async def _unsaid(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(2**16))


async def _break_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(bytes(10))
    assert request.transport is not None
    request.transport.close()
    return response


async def _turn(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": f"{request.path}x"})


async def _lie(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<p>no picture", content_type="image/png")


async def _boast(request: web.Request) -> web.StreamResponse:
    """Says that more comes than does."""
    response = web.StreamResponse(headers={"Content-Length": "5000", "Content-Type": "image/png"})
    await response.prepare(request)
    await response.write(bytes(10))
    return await _hang(request)


async def _understate(request: web.Request) -> web.StreamResponse:
    """Announces too few bytes: the surplus stands where the next response should begin."""
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + encoded(drawing(3)))  # type: ignore[attr-defined]
    return await _hang(request)


async def _busy(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def _later(_: web.Request) -> web.StreamResponse:
    return web.Response(status=429)


BAD = {
    "hang.localhost": (_hang, "timeout"),
    "drip.localhost": (_drip, "timeout"),
    "endless.localhost": (_endless, "too_large"),
    "unsaid.localhost": (_unsaid, "too_large"),
    "break.localhost": (_break_off, "closed_early"),
    "turn.localhost": (_turn, "too_many_redirects"),
    "lie.localhost": (_lie, "not_a_picture"),
    "boast.localhost": (_boast, "timeout"),
    "understate.localhost": (_understate, "bad_answer"),
    "busy.localhost": (_busy, "http_503"),
    "later.localhost": (_later, "http_429"),
}


def test_hosts_that_misbehave_are_counted_by_reason_and_keep_no_other_host_waiting(tmp_path: Path) -> None:
    """While bad hosts hold their requests until the timeout, the good one is served in full."""
    host = Host()
    good, bad = [f"/{n}.png" for n in range(60)], [f"/bad{n}.png" for n in range(3)]
    for n, path in enumerate(good):
        host.serve(path, encoded(drawing(n)))
    done: dict[str, float] = {}

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.host.partition(":")[0]
        if request.path == "/robots.txt":
            return web.Response(status=404)
        done[name] = asyncio.get_running_loop().time()
        if name in BAD:
            return await BAD[name][0](request)
        return web.Response(body=encoded(drawing(int(request.path[1:-4]))))

    host.handlers = _Everything(answer)
    knob = knobs(timeout=2.0, retries=0, part_pairs=1000, shard_size=10, requests=64, connections=4)

    async def run() -> Counter[str]:
        async with host:
            pairs = [Pair(host.url(path, "good.localhost"), path) for path in good]
            pairs += [Pair(host.url(path, name), f"{name}{path}") for name in BAD for path in bad]
            write_pairs(tmp_path / "pairs.parquet", pairs)
            planned = make_plan([tmp_path / "pairs.parquet"], knob, tmp_path / "plan")
            (tmp_path / "shards").mkdir()
            (tmp_path / "progress").mkdir()
            made = DownloadJob(knob, tmp_path / "shards")
            await PartDownload(planned.parts[0], made, tmp_path).run()
        return Counter(row["error_message"] or SUCCESS for row in read_index(tmp_path / "shards").to_pylist())

    expected = Counter({SUCCESS: 60})
    for _, reason in BAD.values():
        expected[reason] += 3
    assert asyncio.run(run()) == expected
    found = read_timing(tmp_path / "progress")
    assert found is not None
    failing = {host["host"]: host["failures"] for host in found["hosts"]["failing"]}
    assert len(failing) == 10  # as many as are announced
    assert all(failing[name] == {BAD[name][1]: 3} for name in failing)
    slow = {name for name, (_, reason) in BAD.items() if reason == "timeout"}
    assert {host["host"] for host in found["hosts"]["slowest"][: len(slow)]} == slow
    assert done["good.localhost"] < done["hang.localhost"] + knob.timeout


class _Everything(dict[str, Handler]):
    """One handler for all paths."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def get(self, *_: object) -> Handler:  # type: ignore[override]
        return self._handler


def test_shards_that_a_bad_host_holds_up_let_further_ones_be_begun(tmp_path: Path) -> None:
    """The bad host has a picture in every shard, and answers only after the good host is done."""
    host, served, shards = Host(), asyncio.Event(), 20
    left = 9 * shards

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal left
        if request.path == "/robots.txt":
            return web.Response(status=404)
        if request.host.startswith("bad"):
            await served.wait()
            return web.Response(status=404)
        left -= 1
        if not left:
            served.set()
        return web.Response(body=encoded(drawing(int(request.path[1:-4]))))

    host.handlers = _Everything(answer)
    knob = knobs(timeout=60.0, retries=0, shard_size=10, requests=64, connections=64)

    async def run() -> Counter[str]:
        async with host:
            pairs = []
            for n in range(10 * shards):
                name = "good.localhost" if n % 10 else "bad.localhost"
                pairs.append(Pair(host.url(f"/{n}.png", name), f"{n}"))
            write_pairs(tmp_path / "pairs.parquet", pairs)
            (tmp_path / "shards").mkdir()
            (tmp_path / "progress").mkdir()
            part = Part(tmp_path / "pairs.parquet", len(pairs), 0, shards)
            await PartDownload(part, DownloadJob(knob, tmp_path / "shards"), tmp_path).run()
        return Counter(row["error_message"] or SUCCESS for row in read_index(tmp_path / "shards").to_pylist())

    assert asyncio.run(run()) == {SUCCESS: 9 * shards, "http_404": shards}
