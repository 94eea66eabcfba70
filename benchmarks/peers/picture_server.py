"""Serves pictures from memory. Runs alone: `python picture_server.py PORT PICTURES SECONDS ADDRESS…`.

PICTURES is a file, which answers every request, or a folder, whose files answer to their names. An answer comes so many
seconds after its request. `GET /times` says, as JSON, when the first and the last picture were asked for since `/times` was
asked, and how many were.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

# One answer for everything, or those of paths.
Pictures = bytes | dict[bytes, bytes]
_ABSENT = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Times:
    """When pictures were asked for, seconds of a clock that starts anywhere."""

    def __init__(self) -> None:
        self._first = self._last = 0.0
        self._asked = 0

    def asked(self) -> None:
        """One more, now."""
        self._last = time.monotonic()
        self._first = self._first if self._asked else self._last
        self._asked += 1

    def told(self) -> bytes:
        """As JSON; what follows is counted anew."""
        said = json.dumps({"first": self._first, "last": self._last, "asked": self._asked}).encode()
        self.__init__()  # type: ignore[misc]
        return said


class Answers(asyncio.Protocol):
    """One connection; requests may come one after the other."""

    def __init__(self, pictures: Pictures, wait: float, times: Times) -> None:
        self._pictures, self._wait, self._times = pictures, wait, times
        self._said = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it."""
        self._said += data
        while (end := self._said.find(b"\r\n\r\n")) >= 0:
            path = self._said[: self._said.find(b"\r\n")].split()[1].partition(b"?")[0]
            if path == b"/robots.txt":
                self._transport.write(_ABSENT)
            elif path == b"/times":
                self._transport.write(_whole("application/json", self._times.told()))
            else:
                self._times.asked()
                self._answer(self._pictures if isinstance(self._pictures, bytes) else self._pictures.get(path, _ABSENT))
            self._said = self._said[end + 4 :]

    def _answer(self, answer: bytes) -> None:
        if self._wait:
            asyncio.get_running_loop().call_later(self._wait, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _whole(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _read(pictures: Path) -> Pictures:
    if pictures.is_dir():
        return {f"/{path.name}".encode(): _picture(path) for path in pictures.iterdir()}
    return _picture(pictures)


def _picture(path: Path) -> bytes:
    return _whole({".jpg": "image/jpeg", ".png": "image/png"}[path.suffix], path.read_bytes())


async def main(port: int, pictures: Path, wait: float, addresses: list[str]) -> None:
    """Serves until it is ended."""
    answers, times = _read(pictures), Times()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(answers, wait, times), addresses, port, backlog=1024)
    print("serving", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]))
