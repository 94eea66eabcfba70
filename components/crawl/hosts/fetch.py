"""Fetches pictures from one host within its limits; failures are values, not exceptions."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache

import aiohttp
from protego import Protego
from yarl import URL

from components.crawl.address import AddressFilter, host_of, origin_of, resolve, site_of
from components.crawl.hosts.limits import HostLimiter, SlotPool
from components.crawl.hosts.records import HostRecord
from components.crawl.hosts.resolver import FilteringResolver, PrivateAddressError
from components.crawl.hosts.robots import crawl_delay, read_robots
from components.crawl.pages.directives import header_values, read_header, refusal
from components.crawl.parameters import CrawlParameters

_REDIRECTS = (301, 302, 303, 307, 308)
_RETRYABLE = (
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
# The reason for pictures of a host that failed too often in a row.
GIVEN_UP = "host_given_up"
# RFC 9309 requires at least 500 KiB of a robots.txt to be read.
_ROBOTS_BYTES = 512 * 1024
_ACCEPT = "image/webp,image/png,image/jpeg,image/*;q=0.8,*/*;q=0.1"


@dataclass(frozen=True)
class Failure:
    """Why a download failed.

    Attributes:
        reason: a word or two.
        costly: whether the failure consumed so much that it counts towards giving the host up.
    """

    reason: str
    costly: bool = field(default=False, compare=False)

    @property
    def status(self) -> int | None:
        """The HTTP status of an error response; None for other failures."""
        return int(self.reason.removeprefix("http_")) if self.reason.startswith("http_") else None


@dataclass(frozen=True)
class _Answer:
    """The response to one request."""

    status: int
    body: bytes
    location: str = ""
    refusal: str | None = None
    encoding: str = ""
    retry_after: float = 0.0


class HostFetcher:
    """Fetches from one host (with or without `www.`) as its robots.txt allows, redirects included.

    Attributes:
        record: requests, time, retries and failures so far.
    """

    def __init__(self, site: str, session: aiohttp.ClientSession, parameters: CrawlParameters, pool: SlotPool) -> None:
        self._site = site
        self._session = session
        self._parameters = parameters
        self._permits_name = cache(
            AddressFilter(parameters.allow_private_hosts).permits_name
        )  # a site has one or two names
        self._limiter = HostLimiter(parameters.connections, parameters.delay, pool)
        self._rules: dict[str, asyncio.Task[Protego | Failure]] = {}
        self._random = random.Random(site)
        self._failures = 0  # consecutive
        self._active = 0
        self.record = HostRecord()

    @property
    def idle(self) -> bool:
        """Whether the fetcher can be replaced: nothing is active, and the host's pause is over."""
        return not self._active and self._limiter.is_ready

    async def picture(self, url: str) -> bytes | Failure:
        """Fetches a URL; returns the bytes, or why there are none."""
        self._active += 1
        try:
            return await self._follow(url, self._parameters.max_picture_bytes, obey=True)
        except ValueError:  # a URL that aiohttp rejects
            return Failure("bad_address")
        finally:
            self._active -= 1

    async def _follow(self, url: str, limit: int, obey: bool) -> bytes | Failure:
        for _ in range(self._parameters.redirects + 1):
            problem = await self._forbidden(url, obey)
            if problem is not None:
                return problem
            answer = await self._request_with_retries(url, limit)
            if isinstance(answer, Failure):
                return answer
            if answer.status not in _REDIRECTS:
                return _body_of(answer, obey)
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
        """RFC 9309: a missing robots.txt (4xx) allows all, an unreachable one nothing."""
        answer = await self._follow(f"{origin}/robots.txt", _ROBOTS_BYTES, obey=False)
        if isinstance(answer, Failure):
            if answer.reason in ("private_address", "name_not_found", "bad_address"):
                return answer
            absent = answer.reason.startswith("http_4") and answer.reason != "http_429"
            return read_robots(b"") if absent else Failure("robots_txt_unreachable")
        rules = read_robots(answer)
        self._limiter.slow_down(crawl_delay(rules, self._parameters.robot))
        return rules

    async def _request_with_retries(self, url: str, limit: int) -> _Answer | Failure:
        """Retries transient failures with exponential backoff, or after `Retry-After`."""
        pause = self._parameters.retry_delay
        last: _Answer | Failure | None = None
        for attempt in range(self._parameters.retries + 1):
            answer = await self._request_in_turn(url, limit)
            if answer == Failure(GIVEN_UP):
                return last or answer  # the picture's own failure is the better reason
            last = answer
            retry_after_seconds = 0.0 if isinstance(answer, Failure) else answer.retry_after
            if retry_after_seconds:
                self._limiter.pause(min(retry_after_seconds, self._parameters.max_rest))
            if (
                _reason(answer) not in _RETRYABLE
                or attempt == self._parameters.retries
                or retry_after_seconds > self._parameters.max_rest
            ):
                break
            self.record.retries += 1
            await asyncio.sleep(pause * 2**attempt * self._random.uniform(0.5, 1.5))
        return answer

    async def _request_in_turn(self, url: str, limit: int) -> _Answer | Failure:
        """Sends one request within the host's limits; none if the host was given up meanwhile."""
        async with self._limiter.request():
            if self._failures >= self._parameters.give_up_after:
                return Failure(GIVEN_UP)
            start = asyncio.get_running_loop().time()
            answer = await self._send(url, limit)
            self.record.requests += 1
            self.record.seconds += asyncio.get_running_loop().time() - start
            failed = _reason(answer) in _RETRYABLE or (isinstance(answer, Failure) and answer.costly)
            self._failures = self._failures + 1 if failed else 0
        return answer

    async def _send(self, url: str, limit: int) -> _Answer | Failure:
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
                    return Failure("too_large", costly=True)  # no Content-Length announced it
        elif (response.content_length or 0) <= 65536:
            await response.content.read(65536)  # so that the connection can be reused
        headers = response.headers
        values = header_values(headers.getall("X-Robots-Tag", ()), headers.getall("TDM-Reservation", ()))
        directives = read_header(values, self._parameters.robot)
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
    if isinstance(error, aiohttp.ClientResponseError):  # invalid HTTP, or more bytes than announced
        return "bad_answer"
    return "bad_address" if isinstance(error, aiohttp.InvalidURL) else "connection_failed"


def _body_of(answer: _Answer, obey: bool) -> bytes | Failure:
    if answer.status != 200:
        return Failure(f"http_{answer.status}")
    if obey and answer.refusal is not None:
        return Failure(answer.refusal)
    # Pictures are compressed already; a compressed response may be a decompression bomb.
    if answer.encoding.strip().lower() not in ("", "identity"):
        return Failure("encoded_body")
    return answer.body


def retry_after(value: str, now: datetime) -> float:
    """Seconds of a `Retry-After` header, a number or a date; 0 if missing or invalid."""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


def open_session(parameters: CrawlParameters) -> aiohttp.ClientSession:
    """A session without cookies, proxies or decompression that rejects private addresses."""
    connector = aiohttp.TCPConnector(
        limit=0,  # HostLimiter and SlotPool set the limits
        resolver=FilteringResolver(AddressFilter(parameters.allow_private_hosts)),
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
