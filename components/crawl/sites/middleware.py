"""Scrapy's downloader middleware and resolver for a site; only imported in the spider's process."""

from collections.abc import Sequence
from typing import Any

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer, provider  # type: ignore[import-untyped]

from components.crawl.address import LOOPBACK, AddressFilter, host_of, is_localhost, site_of

# A request's meta: whether it is for a robots.txt.
IS_ROBOTS = "mofi_is_robots"


class RequestRefused(IgnoreRequest):  # type: ignore[misc]
    """A request that is not sent; `reason` is the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SiteMiddleware:
    """Keeps the spider on its site, even in redirects, and off private addresses.

    Only a site's robots.txt may be elsewhere (RFC 9309, section 2.3.1.2).
    """

    def __init__(self, crawler: Crawler) -> None:
        self._site: str = crawler.settings["MOFI_SITE"]
        self._filter = AddressFilter(crawler.settings["MOFI_ALLOW_PRIVATE_HOSTS"])

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "SiteMiddleware":
        """Scrapy's factory method."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Rejects other sites, other schemes and private addresses."""
        if not request.url.startswith(("http://", "https://")):
            raise RequestRefused("bad_address")
        site = site_of(request.url)
        if site != self._site and not request.meta.get(IS_ROBOTS):
            raise RequestRefused("redirect_to_other_site")
        if not self._filter.permits_name(host_of(request.url)):
            raise RequestRefused("private_address")
        # One slot for the whole site, including robots.txt and `www.`, so that limits apply to all
        # of it.
        request.meta["download_slot"] = site


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Does nothing: the resolution is complete already."""


@provider(IResolutionReceiver)
class _FilteringReceiver:
    """Forwards the addresses that the filter permits."""

    def __init__(self, receiver: Any, host: str, address_filter: AddressFilter, refused: set[str]) -> None:
        self._receiver = receiver
        self._host = host
        self._filter = address_filter
        self._refused = refused

    def resolutionBegan(self, resolution: Any) -> None:
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        if self._filter.permits(self._host, address.host):
            self._receiver.addressResolved(address)
        else:
            self._refused.add(self._host)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class FilteringResolver:
    """Resolves names and drops private addresses.

    Names under `localhost` are this machine (RFC 6761).

    Attributes:
        refused: hosts with a private address.
    """

    refused: set[str] = set()  # noqa: RUF012 - Scrapy makes the only instance; the spider reads this

    def __init__(self, reactor: Any, allowed: Sequence[str]) -> None:
        self._reactor = reactor
        self._original = reactor.nameResolver
        self._filter = AddressFilter(allowed)

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "FilteringResolver":
        """Scrapy's factory method."""
        return cls(reactor, crawler.settings["MOFI_ALLOW_PRIVATE_HOSTS"])

    def install_on_reactor(self) -> None:
        """Called by Scrapy before the reactor runs."""
        self._reactor.installNameResolver(self)

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        """Twisted's interface: passes addresses to the receiver one by one."""
        receiver = _FilteringReceiver(resolutionReceiver, hostName, self._filter, self.refused)
        if not is_localhost(hostName):
            return self._original.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)
        resolution = _Resolution(hostName)
        receiver.resolutionBegan(resolution)
        receiver.addressResolved(IPv4Address("TCP", LOOPBACK, portNumber))
        receiver.resolutionComplete()
        return resolution
