"""Misbehaving hosts, one address each.

Standalone: `python bad_server.py PORT KIND=ADDRESS…`, with the kinds in `KINDS`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, str], Awaitable[None]]
_HUGE = 10 * 2**30
_PAGE = b"<!doctype html><p>Please log in."


def _response(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(line.startswith("Content-Length") for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def too_many(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """429 with Retry-After."""
    await _write(writer, _response("429 Too Many Requests", "Retry-After: 1"))


async def unavailable(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Always 503."""
    await _write(writer, _response("503 Service Unavailable"))


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: str) -> None:
    """Never responds."""
    await reader.read()  # until the client has gone


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Sends a byte per second."""
    await _write(writer, _response("200 OK", "Content-Type: image/png", "Content-Length: 100000"))
    while True:
        await _write(writer, b"x")
        await asyncio.sleep(1)


async def huge(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Sends 10 GB with a Content-Length."""
    await _write(writer, _response("200 OK", f"Content-Length: {_HUGE}"))
    while True:
        await _write(writer, bytes(2**16))


async def unsaid(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Sends 10 GB without a Content-Length."""
    await _write(writer, b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n")
    for _n in range(_HUGE // 2**16):
        await _write(writer, bytes(2**16))
    writer.close()


async def turn(_: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    """Redirects endlessly."""
    await _write(writer, _response("302 Found", f"Location: {path}x"))


async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Closes the connection in the middle."""
    await _write(writer, _response("200 OK", "Content-Length: 100000", body=bytes(100)))
    writer.close()


async def lie_type(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: str) -> None:
    """Sends HTML as image/png."""
    await _write(writer, _response("200 OK", "Content-Type: image/png", body=_PAGE))


async def lie_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: str) -> None:
    """Announces more bytes than it sends."""
    await _write(writer, _response("200 OK", "Content-Type: image/png", "Content-Length: 5000", body=_PAGE))
    await reader.read()  # until the client has gone


# Each with the reason that its pictures fail with.
KINDS: dict[str, tuple[Answer, str]] = {
    "too_many": (too_many, "http_429"),
    "unavailable": (unavailable, "http_503"),
    "hang": (hang, "timeout"),
    "drip": (drip, "timeout"),
    "huge": (huge, "too_large"),
    "unsaid": (unsaid, "too_large"),
    "turn": (turn, "too_many_redirects"),
    "close": (close, "closed_early"),
    "lie_type": (lie_type, "not_a_picture"),
    "lie_length": (lie_length, "timeout"),
}


async def _connection(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while not writer.is_closing():
            request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            path = request.split(" ", 2)[1]
            if path == "/robots.txt":
                await _write(writer, _response("404 Not Found"))
            else:
                await KINDS[kind][0](reader, writer, path)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client has gone
    finally:
        writer.close()


async def main(port: int, hosts: dict[str, str]) -> None:
    """Serves until it is terminated; `hosts` is address by kind."""
    for kind, address in hosts.items():
        await asyncio.start_server(lambda r, w, kind=kind: _connection(kind, r, w), address, port, backlog=256)  # type: ignore[misc]
    print("serving", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), dict(word.split("=") for word in sys.argv[2:])))
