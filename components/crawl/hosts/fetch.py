"""Fetches addresses of one host, politely and within limits; what goes wrong is a value, not an exception."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import aiohttp
from protego import Protego
from yarl import URL

from components.crawl.address import AddressGuard, host_of, origin_of, resolve, site_of
from components.crawl.hosts.limits import Gate, Limiter
from components.crawl.hosts.records import HostRecord
from components.crawl.hosts.resolver import GuardedResolver, PrivateAddressError
from components.crawl.hosts.robots import crawl_delay, read_robots
from components.crawl.pages.directives import header_values, read_header, refusal
from components.crawl.parameters import CrawlParameters

_REDIRECTS = (301, 302, 303, 307, 308)
_TRY_AGAIN = (
    "timeout",
    "connection_failed",
    "closed_early",
    "bad_answer",
    "http_429",
    "http_500",
    "http_502",
    "http_503",
    "http_504",
)
# A host that failed too often in a row is not asked any more.
GIVEN_UP = "host_given_up"
# RFC 9309 asks for at least 500 KiB of a robots.txt.
_ROBOTS_BYTES = 512 * 1024
_ACCEPT = "image/webp,image/png,image/jpeg,image/*;q=0.8,*/*;q=0.1"


@dataclass(frozen=True)
class Failure:
    """Why something could not be had.

    Attributes:
        reason: a word or two.
        dear: whether finding it out took so much that no host may do it again and again.
    """

    reason: str
    dear: bool = field(default=False, compare=False)

    @property
    def status(self) -> int | None:
        """The status that the server answered with, if the answer was no."""
        return int(self.reason.removeprefix("http_")) if self.reason.startswith("http_") else None


@dataclass(frozen=True)
class _Answer:
    """What a server answered to one request."""

    status: int
    body: bytes
    location: str = ""
    refusal: str | None = None
    encoding: str = ""
    retry_after: float = 0.0


class HostFetcher:
    """Fetches from one host (with and without `www.`), as its robots.txt allows; nothing else is asked, redirects included.

    Attributes:
        record: how the host answered.
    """

    def __init__(self, site: str, session: aiohttp.ClientSession, parameters: CrawlParameters, gate: Gate) -> None:
        self._site = site
        self._session = session
        self._parameters = parameters
        self._permits_name = cache(
            AddressGuard(parameters.allow_private_hosts).permits_name
        )  # a site has a name or two
        self._limiter = Limiter(parameters.connections, parameters.delay, gate)
        self._rules: dict[str, asyncio.Task[Protego | Failure]] = {}
        self._chance = random.Random(site)
        self._failures = 0  # one after the other
        self._under_way = 0
        self.record = HostRecord()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, and the host's pause is over, so that a new fetcher would ask no sooner than this one."""
        return not self._under_way and self._limiter.rested

    async def picture(self, url: str) -> bytes | Failure:
        """The bytes behind an address, or why not."""
        self._under_way += 1
        try:
            return await self._follow(url, self._parameters.max_picture_bytes, obey=True)
        except ValueError:  # an address that aiohttp cannot ask for
            return Failure("bad_address")
        finally:
            self._under_way -= 1

    async def _follow(self, url: str, limit: int, obey: bool) -> bytes | Failure:
        for _ in range(self._parameters.redirects + 1):
            problem = await self._forbidden(url, obey)
            if problem is not None:
                return problem
            answer = await self._ask_again(url, limit)
            if isinstance(answer, Failure):
                return answer
            if answer.status not in _REDIRECTS:
                return _judge(answer, obey)
            target = resolve(url, answer.location)
            if target is None:
                return Failure("bad_redirect")
            if site_of(target) != self._site:
                return Failure("redirect_to_other_host")
            url = target
        return Failure("too_many_redirects")

    async def _forbidden(self, url: str, obey: bool) -> Failure | None:
        if not self._permits_name(host_of(url)):
            return Failure("private_address")
        if not obey:
            return None
        origin = origin_of(url)
        if origin not in self._rules:
            self._rules[origin] = asyncio.create_task(self._read_robots(origin))
        rules = await self._rules[origin]
        if isinstance(rules, Failure):
            return rules
        return None if rules.can_fetch(url, self._parameters.robot) else Failure("robots_txt")

    async def _read_robots(self, origin: str) -> Protego | Failure:
        """RFC 9309: without a robots.txt (4xx) all is allowed; where none can be had (5xx, no answer), nothing is."""
        answer = await self._follow(f"{origin}/robots.txt", _ROBOTS_BYTES, obey=False)
        if isinstance(answer, Failure):
            if answer.reason in ("private_address", "name_not_found", "bad_address"):
                return answer
            absent = answer.reason.startswith("http_4") and answer.reason != "http_429"
            return read_robots(b"") if absent else Failure("robots_txt_unreachable")
        rules = read_robots(answer)
        self._limiter.slow_down(crawl_delay(rules, self._parameters.robot))
        return rules

    async def _ask_again(self, url: str, limit: int) -> _Answer | Failure:
        """Asks; asks again where another answer may come, after an uneven, doubling pause, or the one that the server wants."""
        pause = self._parameters.retry_delay
        said: _Answer | Failure | None = None
        for attempt in range(self._parameters.retries + 1):
            answer = await self._ask(url, limit)
            if answer == Failure(GIVEN_UP):
                return said or answer  # what the host did to this picture says more than that it was given up meanwhile
            said = answer
            wanted = 0.0 if isinstance(answer, Failure) else answer.retry_after
            if wanted:
                self._limiter.rest(min(wanted, self._parameters.max_rest))
            if (
                _reason(answer) not in _TRY_AGAIN
                or attempt == self._parameters.retries
                or wanted > self._parameters.max_rest
            ):
                break
            self.record.retries += 1
            await asyncio.sleep(pause * 2**attempt * self._chance.uniform(0.5, 1.5))
        return answer

    async def _ask(self, url: str, limit: int) -> _Answer | Failure:
        """One request, in its turn; none of a host that was given up meanwhile."""
        async with self._limiter.request():
            if self._failures >= self._parameters.give_up_after:
                return Failure(GIVEN_UP)
            start = asyncio.get_running_loop().time()
            answer = await self._request(url, limit)
            self.record.requests += 1
            self.record.seconds += asyncio.get_running_loop().time() - start
            failed = _reason(answer) in _TRY_AGAIN or (isinstance(answer, Failure) and answer.dear)
            self._failures = self._failures + 1 if failed else 0
        return answer

    async def _request(self, url: str, limit: int) -> _Answer | Failure:
        try:
            async with asyncio.timeout(self._parameters.timeout):
                request = self._session.get(URL(url, encoded=True), allow_redirects=False)
                async with request as response:
                    return await self._read(response, limit)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Failure(_error_reason(error))

    async def _read(self, response: aiohttp.ClientResponse, limit: int) -> _Answer | Failure:
        body = bytearray()
        if response.status not in _REDIRECTS and response.status < 400:
            if (response.content_length or 0) > limit:
                response.close()
                return Failure("too_large")
            async for chunk in response.content.iter_chunked(65536):
                body += chunk
                if len(body) > limit:
                    response.close()
                    return Failure("too_large", dear=True)  # the server did not say so before
        elif (response.content_length or 0) <= 65536:
            await response.content.read(65536)  # so that the connection can be used again
        headers = response.headers
        asked = header_values(headers.getall("X-Robots-Tag", ()), headers.getall("TDM-Reservation", ()))
        directives = read_header(asked, self._parameters.robot)
        return _Answer(
            response.status,
            bytes(body),
            location=headers.get("Location", ""),
            refusal=refusal(directives),
            encoding=headers.get("Content-Encoding", ""),
            retry_after=retry_after(headers.get("Retry-After", ""), datetime.now(UTC)),
        )


def _reason(answer: _Answer | Failure) -> str:
    return answer.reason if isinstance(answer, Failure) else f"http_{answer.status}"


def _error_reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "private_address" if isinstance(error.os_error, PrivateAddressError) else "name_not_found"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "closed_early"
    if isinstance(error, aiohttp.ClientResponseError):  # no HTTP, or more bytes than were announced
        return "bad_answer"
    return "bad_address" if isinstance(error, aiohttp.InvalidURL) else "connection_failed"


def _judge(answer: _Answer, obey: bool) -> bytes | Failure:
    if answer.status != 200:
        return Failure(f"http_{answer.status}")
    if obey and answer.refusal is not None:
        return Failure(answer.refusal)
    # Pictures are compressed already; a server that compresses them again may be sending a bomb.
    if answer.encoding.strip().lower() not in ("", "identity"):
        return Failure("encoded_body")
    return answer.body


def retry_after(value: str, now: datetime) -> float:
    """The seconds that a `Retry-After` header asks for, as a number or as a date; 0 if it says nothing."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def open_session(parameters: CrawlParameters) -> aiohttp.ClientSession:
    """A session without cookies, proxies or transparent decompression, whose connections go through the address guard."""
    connector = aiohttp.TCPConnector(
        limit=0,  # hosts and the gate limit themselves
        resolver=GuardedResolver(AddressGuard(parameters.allow_private_hosts)),
        keepalive_timeout=30,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": parameters.user_agent, "Accept": _ACCEPT, "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None),
        max_line_size=16384,
        max_field_size=16384,
    )
