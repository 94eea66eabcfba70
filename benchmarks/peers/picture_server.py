"""Serves pictures from memory.

Standalone: `python picture_server.py PORT PICTURES SECONDS ADDRESS…`. PICTURES is a file for every
request, or a folder of files by name. Responses are delayed by SECONDS. `GET /times` returns as
JSON when the first and the last picture were requested since the last `GET /times`, and how many
were.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

# One response for all paths, or a response by path.
Pictures = bytes | dict[bytes, bytes]
_ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Times:
    """When pictures were requested, seconds on the monotonic clock."""

    def __init__(self) -> None:
        self._first = self._last = 0.0
        self._asked = 0

    def count(self) -> None:
        """Counts a request."""
        self._last = time.monotonic()
        self._first = self._first if self._asked else self._last
        self._asked += 1

    def to_json(self) -> bytes:
        """As JSON; resets the counts."""
        record = json.dumps({"first": self._first, "last": self._last, "asked": self._asked}).encode()
        self.__init__()  # type: ignore[misc]
        return record


class PictureProtocol(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, pictures: Pictures, wait: float, times: Times) -> None:
        self._pictures, self._wait, self._times = pictures, wait, times
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            path = self._buffer[: self._buffer.find(b"\r\n")].split()[1].partition(b"?")[0]
            if path == b"/robots.txt":
                self._transport.write(_ABSENT)
            elif path == b"/times":
                self._transport.write(_response("application/json", self._times.to_json()))
            else:
                self._times.count()
                self._answer(self._pictures if isinstance(self._pictures, bytes) else self._pictures.get(path, _ABSENT))
            self._buffer = self._buffer[end + 4 :]

    def _answer(self, answer: bytes) -> None:
        if self._wait:
            asyncio.get_running_loop().call_later(self._wait, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _response(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _read(pictures: Path) -> Pictures:
    if pictures.is_dir():
        return {f"/{path.name}".encode(): _picture(path) for path in pictures.iterdir()}
    return _picture(pictures)


def _picture(path: Path) -> bytes:
    return _response({".jpg": "image/jpeg", ".png": "image/png"}[path.suffix], path.read_bytes())


async def main(port: int, pictures: Path, wait: float, addresses: list[str]) -> None:
    """Serves until it is terminated."""
    answers, times = _read(pictures), Times()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PictureProtocol(answers, wait, times), addresses, port, backlog=1024)
    print("serving", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
