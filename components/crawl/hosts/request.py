"""One HTTP request and its response, within limits; failures are values, not exceptions."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from components.crawl.address import AddressFilter
from components.crawl.hosts.content_coding import UndecodableError, decode_body
from components.crawl.hosts.limits import SlotPool
from components.crawl.hosts.resolver import FilteringResolver, PrivateAddressError
from components.crawl.pages.directives import header_values, read_header, redirect_refusal, refusal
from components.crawl.parameters import CrawlParameters

REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK = 65536
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
class Answer:
    """The response to one request.

    Attributes:
        status: the HTTP status.
        body: the bytes, decoded if they were encoded; empty for redirects and errors.
        location: where a redirect leads.
        refusal: the directive that excludes a picture, or forbids to follow a redirect, if any.
        problem: why the body cannot be used, if so.
        retry_after: seconds that the server asks to wait.
    """

    status: int
    body: bytes
    location: str = ""
    refusal: str | None = None
    problem: str = ""
    retry_after: float = 0.0

    @property
    def is_redirect(self) -> bool:
        """Whether it leads elsewhere."""
        return self.status in REDIRECTS


class Requester:
    """Sends requests of a session."""

    def __init__(self, session: aiohttp.ClientSession, parameters: CrawlParameters, pool: SlotPool) -> None:
        self._session, self._parameters, self._pool = session, parameters, pool

    async def get(self, url: str, limit: int, *, cut: bool = False) -> Answer | Failure:
        """Requests a URL once; redirects are not followed.

        Args:
            url: a normalised URL.
            limit: largest body, bytes.
            cut: whether a larger body, of text, is cut off there instead of a failure.

        Raises:
            ValueError: if aiohttp rejects the URL.
        """
        try:
            async with asyncio.timeout(self._parameters.timeout) as deadline:
                request = self._session.get(URL(url, encoded=True), allow_redirects=False)
                async with request as response:
                    return await self._read(response, limit, cut, deadline)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Failure(_error_reason(error))

    async def _read(
        self, response: aiohttp.ClientResponse, limit: int, cut: bool, deadline: asyncio.Timeout
    ) -> Answer | Failure:
        body, problem = b"", ""
        if response.status not in REDIRECTS and response.status < 400:
            received = await self._body(response, limit, cut, deadline)
            if isinstance(received, Failure):
                response.close()
                return received
            body = received
        elif (response.content_length or 0) <= _CHUNK:
            await response.content.read(_CHUNK)  # so that the connection can be reused
        headers = response.headers
        directives = read_header(header_values(lambda name: headers.getall(name, ())), self._parameters.robot)
        try:
            body = decode_body(body, ",".join(headers.getall("Content-Encoding", ())), limit, text=cut)
        except UndecodableError:
            problem = "encoded_body"
        if len(body) > limit:
            body, problem = body[:limit], "" if cut else "too_large"
        return Answer(
            response.status,
            body,
            location=headers.get("Location", ""),
            refusal=(redirect_refusal if response.status in REDIRECTS else refusal)(directives),
            problem=problem,
            retry_after=retry_after(headers.get("Retry-After", ""), datetime.now(UTC)),
        )

    async def _body(
        self, response: aiohttp.ClientResponse, limit: int, cut: bool, deadline: asyncio.Timeout
    ) -> bytes | Failure:
        """The body, which counts towards `held_bytes` while it arrives."""
        if (response.content_length or 0) > limit and not cut:
            return Failure("too_large")
        body = bytearray()
        with self._pool.receiving() as arrival:
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > limit:
                    response.close()
                    return bytes(body[:limit]) if cut else Failure("too_large", costly=True)  # not announced
                await arrival.add(len(chunk), deadline)
        return bytes(body)


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
