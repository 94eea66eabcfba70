"""Names → addresses for the downloader: this machine's names mean this machine, and private addresses are refused."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from components.crawl.address import LOOPBACK, AddressGuard, is_localhost


class PrivateAddressError(OSError):
    """A name leads to an address of this machine or its private network, which is not to be asked."""


class GuardedResolver(AbstractResolver):
    """Names under `localhost` mean this machine (RFC 6761); every other name is looked up, and its addresses are checked.

    The connection is made to the very addresses that were checked, so a name whose meaning changes in between gains nothing.
    """

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses of a host.

        Raises:
            PrivateAddressError: if it has addresses, but none that is permitted.
            OSError: if it has none.
        """
        found = [_loopback(host, port)] if is_localhost(host) else await self._resolver.resolve(host, port, family)
        permitted = [result for result in found if self._guard.permits(host, result["host"])]
        if found and not permitted:
            raise PrivateAddressError(f"{host} means {found[0]['host']}, a private address")
        return permitted

    async def close(self) -> None:
        """Nothing is held."""
        await self._resolver.close()


def _loopback(host: str, port: int) -> ResolveResult:
    return ResolveResult(hostname=host, host=LOOPBACK, port=port, family=socket.AF_INET, proto=0, flags=0)
