"""Requests of the downloader to a test server."""

import asyncio
from typing import Any

from components.crawl.hosts.hosts import Hosts
from components.crawl.hosts.limits import SlotPool
from components.crawl.hosts.request import Failure, open_session
from components.crawl.parameters import CrawlParameters
from tests.crawl.conftest import Host, knobs

SITE = "pictures.localhost"


def pool() -> SlotPool:
    return SlotPool(requests=100, max_bytes=10**9)


def fetch(host: Host, *paths: str, parameters: CrawlParameters | None = None) -> list[bytes | Failure]:
    """Fetches paths (or URLs) of one host concurrently."""
    parameters = parameters or knobs()

    async def run() -> list[bytes | Failure]:
        async with host, open_session(parameters) as session:
            fetcher = Hosts(session, parameters, pool())[SITE]
            urls = [p.replace(":PORT", f":{host.port}") if "://" in p else host.url(p) for p in paths]
            return await asyncio.gather(*map(fetcher.picture, urls))

    return asyncio.run(run())


def reason(host: Host, path: str, **changes: Any) -> str:
    (answer,) = fetch(host, path, parameters=knobs(**changes))
    assert isinstance(answer, Failure)
    return answer.reason
