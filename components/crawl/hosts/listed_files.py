"""Files that a list names on web servers: they are fetched by the crawl's rules for addresses."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from components.crawl.address import AddressFilter, host_of
from components.crawl.hosts.resolver import FilteringResolver, PrivateAddressError
from components.errors import InputError
from components.storage.location import local_copy

_WEB = ("http://", "https://")


def check_listed(location: str, allowed: Sequence[str]) -> None:
    """Checks what a list names before anything is fetched.

    Args:
        location: as the list has it.
        allowed: patterns of hosts that may have private addresses (`crawl.allow_private_hosts`).

    Raises:
        InputError: if it is on this machine or in a private network, by its name.
    """
    if not location.lower().startswith(_WEB):
        return
    host = host_of(location)
    if not host or not AddressFilter(allowed).permits_name(host):
        raise InputError(
            f"a list names a file of {host or 'no host'}, a private address; name the host in crawl.allow_private_hosts "
            "if lists may name it, or the file itself with --source"
        )


@contextmanager
def copy_listed(location: str, allowed: Sequence[str], folder: Path) -> Iterator[Path]:
    """A local copy of a file that a list names; names and redirects lead to public hosts only.

    Raises:
        InputError: as `local_copy` does, or if a private address is reached.
    """
    check_listed(location, allowed)
    with local_copy(location, folder, partial(_session, AddressFilter(allowed))) as path:
        yield path


async def _session(address_filter: AddressFilter, **options: Any) -> aiohttp.ClientSession:
    """A session whose every request, redirects included, goes to permitted addresses."""

    async def check(request: aiohttp.ClientRequest, send: Callable[..., Any]) -> Any:
        host = request.url.host or ""
        if not address_filter.permits_name(host):
            raise PrivateAddressError(f"{host} is a private address")
        return await send(request)

    connector = aiohttp.TCPConnector(resolver=FilteringResolver(address_filter))
    return aiohttp.ClientSession(connector=connector, middlewares=(check,), **options)
