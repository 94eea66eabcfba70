"""Limits on concurrent requests, per host and over all hosts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

# A request is slow after this many seconds; the number of slots for slow requests.
_SLOW_SECONDS, _SLOW_SLOTS = 1.0, 256
# So many bytes of a response are read even when too many are in memory.
_SMALL = 128 * 1024


class SlotPool:
    """The slots for requests to all hosts: at most `requests` are active.

    A request that takes longer than a second moves to one of a number of extra slots, if one is
    free, so that hosts that hang do not block the others.

    `max_bytes` counts pictures that are not decoded yet and, while they arrive, those that are not
    whole yet. Above it no request starts for as long as pictures wait to be decoded, and responses
    are read on only up to 128 KiB each, except for the oldest of them.
    """

    def __init__(self, requests: int, max_bytes: int) -> None:
        self._free = asyncio.Semaphore(requests)
        self._slow = _SLOW_SLOTS
        self._max_bytes = max_bytes
        self._undecoded = self._arriving = 0
        self._large: dict[Arrival, None] = {}  # the oldest first
        self._paused: set[Arrival] = set()
        self._below_limit = asyncio.Event()
        self._below_limit.set()

    async def acquire(self) -> "Slot":
        """Waits for a slot; the caller releases it."""
        await self._free.acquire()
        try:
            if not self._below_limit.is_set():
                await self._below_limit.wait()
        except BaseException:
            self._free.release()
            raise
        return Slot(self)

    def mark_slow(self) -> bool:
        """Frees a regular slot before its request has ended, if a slow slot is free."""
        if not self._slow:
            return False
        self._slow -= 1
        self._free.release()
        return True

    def release(self, slow: bool) -> None:
        """Releases a regular slot, or the slow slot that replaced it."""
        if slow:
            self._slow += 1
        else:
            self._free.release()

    @contextmanager
    def decoding(self, size: int) -> Iterator[None]:
        """Counts a picture's bytes until it is decoded."""
        self._undecoded += size
        if self._undecoded > self._max_bytes:
            self._below_limit.clear()
        try:
            yield
        finally:
            self._undecoded -= size
            if self._undecoded <= self._max_bytes:
                self._below_limit.set()
            self._read_on()

    @property
    def held(self) -> int:
        """Bytes of all pictures in memory, whole or not."""
        return self._undecoded + self._arriving

    @contextmanager
    def receiving(self) -> Iterator["Arrival"]:
        """Counts a response's bytes while they arrive."""
        arrival = Arrival(self)
        try:
            yield arrival
        finally:
            self._arriving -= arrival.size
            self._large.pop(arrival, None)
            self._paused.discard(arrival)
            self._read_on()

    def count(self, arrival: "Arrival", size: int) -> None:
        """Counts bytes that have arrived, and stops reading the response if there are too many."""
        self._arriving += size
        if arrival.size > _SMALL:
            self._large[arrival] = None
            if self.held > self._max_bytes and next(iter(self._large)) is not arrival:
                self._paused.add(arrival)
                arrival.may_read.clear()

    def _read_on(self) -> None:
        """Wakes the responses that may be read on: all below the limit, else only the oldest."""
        if not self._paused:
            return
        waking = self._paused if self.held <= self._max_bytes else self._paused & {next(iter(self._large))}
        self._paused = self._paused - waking
        for arrival in waking:
            arrival.may_read.set()


class Arrival:
    """A response that is being read.

    Attributes:
        size: bytes so far.
        may_read: set unless too many bytes are in memory.
    """

    def __init__(self, pool: SlotPool) -> None:
        self._pool = pool
        self.size = 0
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def add(self, size: int, deadline: asyncio.Timeout) -> None:
        """Counts bytes; waits while too many are in memory, without the time of the deadline."""
        self.size += size
        self._pool.count(self, size)
        if self.may_read.is_set():
            return
        clock = asyncio.get_running_loop()
        when = deadline.when()
        left = None if when is None else when - clock.time()
        deadline.reschedule(None)
        await self.may_read.wait()
        deadline.reschedule(None if left is None else clock.time() + left)


class Slot:
    """The slot of one active request."""

    def __init__(self, pool: SlotPool) -> None:
        self._pool = pool
        self._slow = False
        self._timer = asyncio.get_running_loop().call_later(_SLOW_SECONDS, self._mark_slow)

    def _mark_slow(self) -> None:
        self._slow = self._pool.mark_slow()

    def release(self) -> None:
        """Releases the slot; call it once, when the request has ended."""
        self._timer.cancel()
        self._pool.release(self._slow)


class HostLimiter:
    """Limits a host to `connections` active requests that start at least `delay` seconds apart.

    A request takes its shared slot last, so that waiting for one host does not block the others.
    """

    def __init__(self, connections: int, delay: float, pool: SlotPool) -> None:
        self._pool = pool
        self._free = asyncio.Semaphore(connections)
        self._start_lock = asyncio.Lock()
        self._delay = delay
        self._next_start = 0.0

    def pause(self, seconds: float) -> None:
        """Starts no request for this many seconds."""
        self._next_start = max(self._next_start, asyncio.get_running_loop().time() + seconds)

    @property
    def is_ready(self) -> bool:
        """Whether a request would start immediately."""
        return self._next_start <= asyncio.get_running_loop().time()

    def slow_down(self, delay: float) -> None:
        """Raises the delay between requests to at least `delay` seconds."""
        self._delay = max(self._delay, delay)

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Wraps one request."""
        async with self._free:
            slot = await self._acquire()
            try:
                yield
            finally:
                slot.release()

    async def _acquire(self) -> Slot:
        clock = asyncio.get_running_loop()
        if self._delay <= 0 and self._next_start <= clock.time():
            return await self._pool.acquire()
        async with self._start_lock:
            while (left := self._next_start - clock.time()) > 0:  # it may be extended
                await asyncio.sleep(left)
            slot = await self._pool.acquire()
            self._next_start = clock.time() + self._delay
        return slot
