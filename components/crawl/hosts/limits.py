"""How many requests are under way: of one host, of all hosts, beside slow ones, and while pictures wait to be decoded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

# A request that takes so many seconds is slow, and so many slow ones may be under way beside the others.
_LONG, _ASIDE = 1.0, 256


class Gate:
    """What all hosts share: at most `requests` are under way, and none starts while `most_bytes` wait to be decoded.

    A request that takes longer than a second gives its place away and is counted aside, where there is room for some, so that hosts
    that hang do not hold up the others.
    """

    def __init__(self, requests: int, most_bytes: int) -> None:
        self._free = asyncio.Semaphore(requests)
        self._aside = _ASIDE
        self._most = most_bytes
        self._held = 0
        self._light = asyncio.Event()
        self._light.set()

    async def enter(self) -> "Place":
        """Waits for a place; whoever has it leaves it."""
        await self._free.acquire()
        try:
            if not self._light.is_set():
                await self._light.wait()
        except BaseException:
            self._free.release()
            raise
        return Place(self)

    def step_aside(self) -> bool:
        """Gives a place away before its request has ended, if there is room aside."""
        if not self._aside:
            return False
        self._aside -= 1
        self._free.release()
        return True

    def give_back(self, aside: bool) -> None:
        """Gives back a place, or the room aside that it was changed for."""
        if aside:
            self._aside += 1
        else:
            self._free.release()

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """While a picture waits to be decoded, or is."""
        self._held += size
        if self._held > self._most:
            self._light.clear()
        try:
            yield
        finally:
            self._held -= size
            if self._held <= self._most:
                self._light.set()


class Place:
    """The place of a request among those under way."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._aside = False
        self._timer = asyncio.get_running_loop().call_later(_LONG, self._step_aside)

    def _step_aside(self) -> None:
        self._aside = self._gate.step_aside()

    def leave(self) -> None:
        """When the request has ended, once."""
        self._timer.cancel()
        self._gate.give_back(self._aside)


class Limiter:
    """Lets at most `connections` requests of a host be under way, and starts them at least `delay` seconds apart.

    A request passes the gate last, so that one that waits for its host takes no other host's place.
    """

    def __init__(self, connections: int, delay: float, gate: Gate) -> None:
        self._gate = gate
        self._free = asyncio.Semaphore(connections)
        self._turn = asyncio.Lock()
        self._delay = delay
        self._next = 0.0

    def rest(self, seconds: float) -> None:
        """Starts no request for so long."""
        self._next = max(self._next, asyncio.get_running_loop().time() + seconds)

    @property
    def rested(self) -> bool:
        """Whether a request would start at once."""
        return self._next <= asyncio.get_running_loop().time()

    def slow_down(self, delay: float) -> None:
        """Starts requests at least `delay` seconds apart from now on, if that is slower."""
        self._delay = max(self._delay, delay)

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Around one request."""
        async with self._free:
            place = await self._pass()
            try:
                yield
            finally:
                place.leave()

    async def _pass(self) -> Place:
        clock = asyncio.get_running_loop()
        if self._delay <= 0 and self._next <= clock.time():
            return await self._gate.enter()
        async with self._turn:
            while (left := self._next - clock.time()) > 0:  # while it sleeps, a longer rest may be asked for
                await asyncio.sleep(left)
            place = await self._gate.enter()
            self._next = clock.time() + self._delay
        return place
