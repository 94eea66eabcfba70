import asyncio

import pytest
from aiohttp.abc import ResolveResult

from components.crawl.address import AddressFilter
from components.crawl.hosts.resolver import FilteringResolver, PrivateAddressError


def look_up(host: str, *allowed: str) -> list[ResolveResult]:
    async def run() -> list[ResolveResult]:
        resolver = FilteringResolver(AddressFilter(allowed))
        try:
            return await resolver.resolve(host, 80)
        finally:
            await resolver.close()

    return asyncio.run(run())


def test_names_under_localhost_resolve_to_loopback_without_dns() -> None:
    assert [result["host"] for result in look_up("no-such-name.localhost", "*.localhost")] == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["noto.localhost", "localhost", "127.1", "2130706433", "0x7f000001"])
def test_names_of_private_addresses_are_refused_unless_allowed(host: str) -> None:
    with pytest.raises(PrivateAddressError, match="private address"):
        look_up(host)
    assert look_up(host, host)
