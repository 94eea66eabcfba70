"""What the downloader gets from one host, whatever that answers."""

import asyncio
from typing import Any

from components.crawl.pictures.fetch import Failure, HostFetcher, open_session
from components.crawl.pictures.limits import Gate

from components.crawl.parameters import CrawlParameters
from tests.crawl.conftest import Host, knobs

SITE = "pictures.localhost"


def gate() -> Gate:
    return Gate(requests=100, most_bytes=10**9)


def fetch(host: Host, *paths: str, parameters: CrawlParameters | None = None) -> list[bytes | Failure]:
    """What the downloader gets for paths (or whole addresses) of one host, asked all at once."""
    parameters = parameters or knobs()

    async def run() -> list[bytes | Failure]:
        async with host, open_session(parameters) as session:
            fetcher = HostFetcher(SITE, session, parameters, gate())
            urls = [p.replace(":PORT", f":{host.port}") if "://" in p else host.url(p) for p in paths]
            return await asyncio.gather(*map(fetcher.picture, urls))

    return asyncio.run(run())


def reason(host: Host, path: str, **changes: Any) -> str:
    (answer,) = fetch(host, path, parameters=knobs(**changes))
    assert isinstance(answer, Failure)
    return answer.reason
