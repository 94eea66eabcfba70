"""Small webs: archives like the sample's, and a configurable server that logs requests."""

import asyncio
import io
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from PIL import Image, ImageDraw

from components.crawl.parameters import CrawlParameters

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def knobs(**changes: Any) -> CrawlParameters:
    """Parameters for tests on loopback."""
    defaults: dict[str, Any] = {
        "user_agent": "test-crawl/1.0 (tests)",
        "depth": 20,
        "pages": 100,
        "connections": 4,
        "delay": 0.0,
        "timeout": 20.0,
        "retries": 1,
        "retry_delay": 0.0,
        "max_rest": 5.0,
        "give_up_after": 1000,
        "redirects": 3,
        "redirect_hosts": [],
        "max_page_bytes": 100_000,
        "max_picture_bytes": 100_000,
        "max_pixels": 1_000_000,
        "min_side": 32,
        "resize": "none",
        "side": 64,
        "encode": "keep",
        "quality": 90,
        "candidate_width": 1024,
        "sources": [],
        "url_column": "",
        "text_column": "",
        "min_text": 1,
        "languages": [],
        "language_certainty": 0.7,
        "max_text": 200,
        "shard_size": 10,
        "allow_private_hosts": ["*.localhost"],
        "hold_out_difference": 3.0,
        "duplicates": "mark",
        "near_bits": 4,
        "near_colours": 10,
        "part_pairs": 20,
        "max_repeats": 100,
        "requests": 16,
        "held_bytes": 1_000_000,
        "task_cpus": 1.0,
        "log_every": 60.0,
        "max_error_share": 1.0,
    }
    return CrawlParameters(**defaults | changes)


def drawing(seed: int, side: int = 96) -> Image.Image:
    """A drawing in flat colours by seed."""
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    for n in range(4):
        mix = (seed * 7919 + n * 104729) % 2**31
        left, top = (mix >> 3) % (side // 2), (mix >> 11) % (side // 2)
        colour = (mix % 200, (mix >> 7) % 200, (mix >> 13) % 200)
        box = (left, top, left + side // 4 + mix % (side // 4), top + side // 4 + (mix >> 5) % (side // 4))
        (pen.ellipse if n % 2 else pen.rectangle)(box, fill=colour)
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@dataclass
class Archive:
    """A site in the format of the sample's archives."""

    host: str
    files: dict[str, bytes] = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)

    def page(self, path: str, body: str, head: str = "") -> None:
        self.files[path] = (
            f"<!doctype html><html><head><title>{path}</title>{head}</head><body>{body}</body></html>".encode()
        )

    def answer(self, path: str, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.responses[path] = {"status": status, "headers": named}

    def write(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        meta = {"host": self.host, "responses": self.responses}
        with zipfile.ZipFile(folder / f"{self.host.split('.')[0]}.zip", "w") as archive:
            archive.writestr("_site.json", json.dumps(meta))
            for path, data in sorted(self.files.items()):
                archive.writestr(path.lstrip("/"), data)


def gallery(host: str, pictures: int, seed: int = 0) -> Archive:
    """A site of one page with `pictures` distinct pictures, `/img/0.png`, …"""
    site = Archive(host)
    for n in range(pictures):
        kind = ("PNG", "JPEG", "WEBP")[n % 3]
        site.files[f"/img/{n}.{kind.lower()}"] = encoded(drawing(100 * seed + n), kind)
    images = (f'<img src="{path}" alt="a drawing, {Path(path).stem}">' for path in sorted(site.files))
    site.page("/index.html", "".join(images))
    return site


@dataclass
class Host:
    """A loopback server with handlers by path that counts requests and their concurrency."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    agents: set[str] = field(default_factory=set)
    times: list[float] = field(default_factory=list)
    busiest: int = 0
    port: int = 0
    _under_way: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def serve(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers=named)

        self.handlers[path] = answer

    def url(self, path: str, host: str = "pictures.localhost") -> str:
        return f"http://{host}:{self.port}{path}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests[request.path] += 1
        self.agents.add(request.headers.get("User-Agent", ""))
        self.times.append(asyncio.get_running_loop().time())
        self._under_way["all"] += 1
        self.busiest = max(self.busiest, self._under_way["all"])
        try:
            handler = self.handlers.get(request.path)
            return web.Response(status=404) if handler is None else await handler(request)
        finally:
            self._under_way["all"] -= 1

    async def __aenter__(self) -> "Host":
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


@pytest.fixture
def host() -> Host:
    return Host()
