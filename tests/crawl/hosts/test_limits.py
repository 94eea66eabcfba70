"""Limits on requests, per host and over all hosts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

from components.crawl.hosts.limits import HostLimiter, SlotPool


def pool() -> SlotPool:
    return SlotPool(requests=100, max_bytes=10**9)


@asynccontextmanager
async def inside(pool: SlotPool) -> AsyncIterator[None]:
    slot = await pool.acquire()
    try:
        yield
    finally:
        slot.release()


def test_the_delay_is_between_the_starts_of_requests() -> None:
    async def run() -> list[float]:
        limiter, clock = HostLimiter(5, 0.05, pool()), asyncio.get_running_loop()
        starts = []

        async def request() -> None:
            async with limiter.request():
                starts.append(clock.time())

        await asyncio.gather(*(request() for _ in range(4)))
        return starts

    assert all(later - sooner >= 0.05 for sooner, later in pairwise(asyncio.run(run())))


def test_no_request_starts_while_too_many_bytes_wait_to_be_decoded() -> None:
    async def run() -> list[str]:
        narrow, seen = SlotPool(requests=2, max_bytes=100), []

        async def request(name: str) -> None:
            async with inside(narrow):
                seen.append(name)
                await asyncio.sleep(0)

        with narrow.decoding(60):
            await request("light")
            with narrow.decoding(60):
                heavy = asyncio.create_task(request("heavy"))
                for _ in range(10):
                    await asyncio.sleep(0)
                seen.append("waits")
        await heavy
        return seen

    assert asyncio.run(run()) == ["light", "waits", "heavy"]


def test_hanging_requests_free_their_slots() -> None:
    async def run() -> list[str]:
        narrow, over, seen = SlotPool(requests=2, max_bytes=1), asyncio.Event(), []

        async def hang() -> None:
            async with inside(narrow):
                await over.wait()
            seen.append("hung")

        async with asyncio.TaskGroup() as hanging:
            for _ in range(4):
                hanging.create_task(hang())
            await asyncio.sleep(0)
            async with inside(narrow):
                seen.append("quick")
            over.set()
        async with inside(narrow), inside(narrow):  # all slots are released, exactly once
            third = asyncio.create_task(hang())
            for _ in range(10):
                await asyncio.sleep(0)
            seen.append("full")
        await third
        return seen

    assert asyncio.run(run()) == ["quick", *["hung"] * 4, "full", "hung"]


def test_a_request_that_waits_for_its_host_takes_no_slot() -> None:
    async def run() -> list[str]:
        narrow, seen = SlotPool(requests=1, max_bytes=1), []
        slow, quick = HostLimiter(5, 0.2, narrow), HostLimiter(5, 0.0, narrow)

        async def request(limiter: HostLimiter, name: str) -> None:
            async with limiter.request():
                seen.append(name)

        await asyncio.gather(*(request(slow, "slow") for _ in range(3)), *(request(quick, "quick") for _ in range(3)))
        return seen

    assert asyncio.run(run()) == ["slow", "quick", "quick", "quick", "slow", "slow"]


KIB = 1024


def test_too_many_bytes_stop_all_responses_but_small_ones_and_the_oldest() -> None:
    async def run() -> list[list[bool]]:
        slots, seen = SlotPool(requests=10, max_bytes=300 * KIB), []
        async with asyncio.timeout(None) as deadline:
            contexts = [slots.receiving() for _ in range(4)]
            responses = [context.__enter__() for context in contexts]
            sizes = [200, 200, 100, 200]
            reading = [asyncio.create_task(r.add(n * KIB, deadline)) for r, n in zip(responses, sizes, strict=True)]
            await asyncio.sleep(0)
            assert slots.held == 700 * KIB
            for context in [*contexts, None]:
                seen.append([response.may_read.is_set() for response in responses])
                if context is not None:
                    context.__exit__(None, None, None)
            await asyncio.gather(*reading)
        assert slots.held == 0
        return seen

    assert asyncio.run(run()) == [
        [True, False, True, False],  # 700 KiB
        [True, True, True, False],  # the first has ended: the second is the oldest
        [True, True, True, True],  # 300 KiB
        [True] * 4,
        [True] * 4,
    ]


def test_bytes_that_wait_to_be_decoded_stop_responses_too() -> None:
    async def run() -> list[bool]:
        slots, seen = SlotPool(requests=10, max_bytes=300 * KIB), []
        async with asyncio.timeout(None) as deadline:
            with slots.receiving() as oldest, slots.receiving() as second:
                await oldest.add(150 * KIB, deadline)
                with slots.decoding(150 * KIB):
                    reading = asyncio.create_task(second.add(140 * KIB, deadline))
                    await asyncio.sleep(0)
                    seen.append(second.may_read.is_set())
                seen.append(second.may_read.is_set())
                await reading
        return seen

    assert asyncio.run(run()) == [False, True]


def test_a_response_that_is_stopped_does_not_use_up_its_time() -> None:
    async def run() -> tuple[float | None, float | None, float]:
        slots, clock = SlotPool(requests=10, max_bytes=1), asyncio.get_running_loop()
        async with asyncio.timeout(None) as none, asyncio.timeout(1000) as deadline:
            with slots.receiving() as second:
                with slots.receiving() as oldest:
                    await oldest.add(200 * KIB, none)
                    reading = asyncio.create_task(second.add(200 * KIB, deadline))
                    await asyncio.sleep(0)
                    during = deadline.when()
                await reading
            return during, deadline.when(), clock.time()

    during, after, now = asyncio.run(run())
    assert during is None
    assert after is not None
    assert 900 < after - now <= 1000
