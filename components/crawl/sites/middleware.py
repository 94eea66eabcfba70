"""What the spider may ask: Scrapy's downloader middleware and name resolver. Only the spider's process imports this module."""

from collections.abc import Sequence
from typing import Any

from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from scrapy.http import Request, Response, TextResponse
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer, provider  # type: ignore[import-untyped]

from components.crawl.address import LOOPBACK, AddressGuard, host_of, is_localhost, origin_of, site_of
from components.crawl.robots import crawl_delay, read_robots

_FORBID_ALL = b"User-agent: *\nDisallow: /\n"


class Refused(IgnoreRequest):  # type: ignore[misc]
    """A request that is not sent; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SiteMiddleware:
    """Keeps the spider on its site, also through redirects, and reads a missing or failing robots.txt as RFC 9309 says.

    Attributes:
        closed: origins that are off limits because their robots.txt could not be had.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._site: str = crawler.settings["MOFI_SITE"]
        self._guard = AddressGuard(crawler.settings["MOFI_ALLOW_PRIVATE_HOSTS"])
        self._robot: str = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self._closed: set[str] = crawler.spider.closed_origins
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "SiteMiddleware":
        """As Scrapy makes its components."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Refuses other sites, other schemes and private addresses before anything is sent."""
        if not request.url.startswith(("http://", "https://")):
            raise Refused("bad_address")
        if site_of(request.url) != self._site:
            raise Refused("redirect_to_other_site")
        if not self._guard.permits_name(host_of(request.url)):
            raise Refused("private_address")
        # One slot for the whole site, robots.txt and `www.` included, so that its limits hold over all of them.
        request.meta["download_slot"] = self._site

    def process_response(self, request: Request, response: Response) -> Response:
        """No robots.txt (4xx) allows everything; a server that cannot answer (5xx, 429) allows nothing."""
        if not _asks_for_robots(request):
            return response
        if response.status >= 500 or response.status == 429:
            return self._forbid(request)
        if response.status >= 400:
            return response.replace(body=b"")
        delay = crawl_delay(read_robots(response.body), self._robot)
        slot = self._crawler.engine.downloader.slots.get(self._site)
        if slot is not None:
            slot.delay = max(slot.delay, delay)
        return response

    def process_exception(self, request: Request, exception: Exception) -> Response | None:
        """Neither does a robots.txt that cannot be reached; a host that has no address is found out by its pages."""
        if not _asks_for_robots(request) or isinstance(exception, CannotResolveHostError):
            return None
        return self._forbid(request)

    def _forbid(self, request: Request) -> Response:
        self._closed.add(origin_of(request.url))
        return TextResponse(request.url, body=_FORBID_ALL, encoding="utf-8")


def _asks_for_robots(request: Request) -> bool:
    # Scrapy's own middleware marks its requests for robots.txt so; no other request of ours carries the mark.
    return bool(request.meta.get("dont_obey_robotstxt"))


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing is under way."""


@provider(IResolutionReceiver)
class _Filter:
    """Hands on the addresses that the guard permits."""

    def __init__(self, receiver: Any, host: str, guard: AddressGuard, refused: set[str]) -> None:
        self._receiver = receiver
        self._host = host
        self._guard = guard
        self._refused = refused

    def resolutionBegan(self, resolution: Any) -> None:
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        if self._guard.permits(self._host, address.host):
            self._receiver.addressResolved(address)
        else:
            self._refused.add(self._host)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()


@implementer(IHostnameResolver)
class GuardedResolver:
    """Names under `localhost` mean this machine (RFC 6761); private addresses are as if they did not exist.

    Attributes:
        refused: hosts that had a private address.
    """

    refused: set[str] = set()  # noqa: RUF012 - Scrapy makes the one instance itself; the spider reads what it refused

    def __init__(self, reactor: Any, allowed: Sequence[str]) -> None:
        self._reactor = reactor
        self._original = reactor.nameResolver
        self._guard = AddressGuard(allowed)

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "GuardedResolver":
        """As Scrapy makes its components."""
        return cls(reactor, crawler.settings["MOFI_ALLOW_PRIVATE_HOSTS"])

    def install_on_reactor(self) -> None:
        """Scrapy calls it before the reactor runs."""
        self._reactor.installNameResolver(self)

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        """Twisted's interface: reports addresses to the receiver, one by one."""
        receiver = _Filter(resolutionReceiver, hostName, self._guard, self.refused)
        if not is_localhost(hostName):
            return self._original.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)
        resolution = _Resolution(hostName)
        receiver.resolutionBegan(resolution)
        receiver.addressResolved(IPv4Address("TCP", LOOPBACK, portNumber))
        receiver.resolutionComplete()
        return resolution
