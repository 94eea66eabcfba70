"""The downloader's resolver, which rejects private addresses."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from components.crawl.address import LOOPBACK, AddressFilter, is_localhost


class PrivateAddressError(PermissionError):
    """A host resolves only to addresses of this machine or of a private network."""


class FilteringResolver(AbstractResolver):
    """Resolves names and rejects private addresses.

    Names under `localhost` are this machine (RFC 6761). Connections go to the addresses that were
    checked, so DNS rebinding gains nothing.
    """

    def __init__(self, address_filter: AddressFilter) -> None:
        self._filter = address_filter
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses of a host.

        Raises:
            PrivateAddressError: if it has addresses, but none is permitted.
            OSError: if it has none.
        """
        found = [_loopback(host, port)] if is_localhost(host) else await self._resolver.resolve(host, port, family)
        permitted = [result for result in found if self._filter.permits(host, result["host"])]
        if found and not permitted:
            raise PrivateAddressError(f"{host} resolves to {found[0]['host']}, a private address")
        return permitted

    async def close(self) -> None:
        """Closes the underlying resolver."""
        await self._resolver.close()


def _loopback(host: str, port: int) -> ResolveResult:
    return ResolveResult(hostname=host, host=LOOPBACK, port=port, family=socket.AF_INET, proto=0, flags=0)
