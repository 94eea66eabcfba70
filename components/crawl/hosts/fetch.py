"""Fetches pictures from one host within its limits; failures are values, not exceptions."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from components.crawl.address import AddressFilter, host_of, matches_host, origin_of, resolve, site_of
from components.crawl.hosts.limits import HostLimiter, SlotPool
from components.crawl.hosts.records import HostRecord
from components.crawl.hosts.request import Answer, Failure, Requester
from components.crawl.hosts.robots import ROBOTS_REDIRECTS, RobotsRules, read_answer
from components.crawl.hosts.robots_text import ROBOTS_BYTES
from components.crawl.parameters import CrawlParameters

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
# Failures to get robots.txt that every other request to the host would share.
_OF_THE_HOST = ("private_address", "name_not_found", "bad_address")
# A longer robots.txt is parsed in a thread.
_SHORT_ROBOTS = 20_000


class HostFetcher:
    """Fetches from one host (with or without `www.`) as its robots.txt allows, redirects included.

    Attributes:
        record: requests, time, retries and failures so far.
    """

    def __init__(
        self,
        site: str,
        requester: Requester,
        parameters: CrawlParameters,
        pool: SlotPool,
        other: Callable[[str], "HostFetcher"],
    ) -> None:
        """Makes the fetcher of `site`; `other` gives that of another site, for redirects."""
        self._site = site
        self._requester = requester
        self._parameters = parameters
        self._other = other
        self._permits_name = cache(
            AddressFilter(parameters.allow_private_hosts).permits_name
        )  # a site has one or two names
        self._limiter = HostLimiter(parameters.connections, parameters.delay, pool)
        self._rules: dict[str, asyncio.Task[RobotsRules | Failure]] = {}
        self._random = random.Random(site)
        self._failures = 0  # consecutive
        self._active = 0
        self.record = HostRecord()

    @property
    def idle(self) -> bool:
        """Whether the fetcher can be replaced: nothing is active, and the host's pause is over."""
        return not self._active and self._limiter.is_ready

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    async def picture(self, url: str) -> bytes | Failure:
        """Fetches a URL; returns the bytes, or why there are none."""
        with self._in_use():
            try:
                return await self._follow(url)
            except ValueError:  # a URL that aiohttp rejects
                return Failure("bad_address")

    async def _follow(self, url: str) -> bytes | Failure:
        host = self
        for _ in range(self._parameters.redirects + 1):
            answer = await host._get_allowed(url)
            if isinstance(answer, Failure):
                return answer
            if not answer.is_redirect:
                return _body_of(answer)
            if answer.refusal:
                return Failure(answer.refusal)
            target = resolve(url, answer.location)
            if target is None:
                return Failure("bad_redirect")
            if site_of(target) != host._site:
                if not matches_host(host_of(target), self._parameters.redirect_hosts):
                    return Failure("redirect_to_other_host")
                host = self._fetcher(site_of(target))
            url = target
        return Failure("too_many_redirects")

    def _fetcher(self, site: str) -> "HostFetcher":
        return self if site == self._site else self._other(site)

    async def _get_allowed(self, url: str) -> Answer | Failure:
        """Requests a URL of this host, if the host's robots.txt allows it."""
        with self._in_use():
            problem = await self._forbidden(url)
            return problem or await self._get(url, self._parameters.max_picture_bytes)

    async def _forbidden(self, url: str) -> Failure | None:
        if not self._permits_name(host_of(url)):
            return Failure("private_address")
        origin = origin_of(url)
        if origin not in self._rules:
            self._rules[origin] = asyncio.create_task(self._read_robots(origin))
        rules = await self._rules[origin]
        if isinstance(rules, Failure):
            return rules
        return None if rules.allows(url) else Failure("robots_txt")

    async def _read_robots(self, origin: str) -> RobotsRules | Failure:
        """The rules of an origin, which redirects may lead to another host's file (RFC 9309)."""
        answer = await self._robots_answer(f"{origin}/robots.txt")
        if isinstance(answer, Failure):
            return answer
        rules = await _rules(answer, self._parameters.robot)
        if rules is None:
            return Failure("robots_txt_unreachable")
        self._limiter.slow_down(rules.delay)
        return rules

    async def _robots_answer(self, url: str) -> Answer | Failure:
        for redirects in range(ROBOTS_REDIRECTS + 1):
            host = self._fetcher(site_of(url))
            if not self._permits_name(host_of(url)):
                answer: Answer | Failure = Failure("private_address")
            else:
                with host._in_use():
                    answer = await host._get(url, ROBOTS_BYTES + 1, cut=True)
            if isinstance(answer, Failure):
                of_the_host = not redirects and answer.reason in _OF_THE_HOST
                return answer if of_the_host else Failure("robots_txt_unreachable")
            target = resolve(url, answer.location) if answer.is_redirect else None
            if target is None:
                return answer
            url = target
        return Failure("robots_txt_unreachable")

    async def _get(self, url: str, limit: int, *, cut: bool = False) -> Answer | Failure:
        """Retries transient failures with exponential backoff, or after `Retry-After`."""
        pause = self._parameters.retry_delay
        last: Answer | Failure | None = None
        for attempt in range(self._parameters.retries + 1):
            answer = await self._get_in_turn(url, limit, cut)
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

    async def _get_in_turn(self, url: str, limit: int, cut: bool) -> Answer | Failure:
        """Sends one request within the host's limits; none if the host was given up meanwhile."""
        async with self._limiter.request():
            if self._failures >= self._parameters.give_up_after:
                return Failure(GIVEN_UP)
            start = asyncio.get_running_loop().time()
            answer = await self._requester.get(url, limit, cut=cut)
            self.record.requests += 1
            self.record.seconds += asyncio.get_running_loop().time() - start
            failed = _reason(answer) in _RETRYABLE or (isinstance(answer, Failure) and answer.costly)
            self._failures = self._failures + 1 if failed else 0
        return answer


async def _rules(answer: Answer, robot: str) -> RobotsRules | None:
    if answer.problem:
        return None
    if len(answer.body) <= _SHORT_ROBOTS:
        return read_answer(answer.status, answer.body, robot)
    return await asyncio.to_thread(read_answer, answer.status, answer.body, robot)


def _reason(answer: Answer | Failure) -> str:
    return answer.reason if isinstance(answer, Failure) else f"http_{answer.status}"


def _body_of(answer: Answer) -> bytes | Failure:
    if answer.status != 200:
        return Failure(f"http_{answer.status}")
    problem = answer.refusal or answer.problem
    return Failure(problem) if problem else answer.body
