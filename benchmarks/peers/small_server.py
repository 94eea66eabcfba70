"""Answers every request with the same small picture, quickly. Runs alone: `python small_server.py PORT FILE ADDRESS…`."""

import asyncio
import sys
from pathlib import Path


class Answers(asyncio.Protocol):
    """One connection; requests may come one after the other."""

    def __init__(self, answer: bytes, absent: bytes) -> None:
        self._answer, self._absent = answer, absent
        self._said = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it."""
        self._said += data
        while (end := self._said.find(b"\r\n\r\n")) >= 0:
            robots = self._said.startswith(b"GET /robots.txt ")
            self._transport.write(self._absent if robots else self._answer)
            self._said = self._said[end + 4 :]


async def main(port: int, picture: bytes, addresses: list[str]) -> None:
    """Serves until it is ended."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\n\r\n"
    absent = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(head.encode() + picture, absent), addresses, port, backlog=1024)
    print("serving", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_bytes(), sys.argv[3:]))
