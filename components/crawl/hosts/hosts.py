"""The fetchers of all hosts of a part, in bounded number."""

from collections import OrderedDict

import aiohttp

from components.crawl.hosts.fetch import HostFetcher
from components.crawl.hosts.limits import SlotPool
from components.crawl.hosts.records import HostRecord, HostRecords
from components.crawl.hosts.request import Requester
from components.crawl.parameters import CrawlParameters

# Idle hosts that are cached, with their robots.txt.
_MAX_HOSTS = 1000


class Hosts:
    """The fetchers of a part's hosts, with LRU eviction of idle ones."""

    def __init__(self, session: aiohttp.ClientSession, parameters: CrawlParameters, slots: SlotPool) -> None:
        self._requester = Requester(session, parameters, slots)
        self._parameters, self._slots = parameters, slots
        self._fetchers: OrderedDict[str, HostFetcher] = OrderedDict()
        self._records = HostRecords()

    def __getitem__(self, site: str) -> HostFetcher:
        if site not in self._fetchers:
            self._evict()
            self._fetchers[site] = HostFetcher(
                site, self._requester, self._parameters, self._slots, other=self.__getitem__
            )
        self._fetchers.move_to_end(site)
        return self._fetchers[site]

    def _evict(self) -> None:
        """Evicts idle fetchers only, whose hosts may be asked again immediately."""
        excess = len(self._fetchers) - _MAX_HOSTS
        for site in [site for site, fetcher in self._fetchers.items() if fetcher.idle][: max(0, excess)]:
            self._records.close(site, self._fetchers.pop(site).record)

    def summary(self) -> tuple[HostRecord, dict[str, HostRecord]]:
        """The total over all hosts so far, and the notable hosts."""
        return self._records.summary({site: fetcher.record for site, fetcher in self._fetchers.items()})
