"""Pictures on loopback, served by processes of their own that cost little: what is measured is who asks for them."""

import io
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.peers.environment import PEERS


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(*commands: Sequence[object]) -> Iterator[None]:
    """Scripts of `peers`, each with its arguments, from when they say that they serve to the end."""
    with ExitStack() as servers:
        for script, *arguments in commands:
            command = [sys.executable, str(PEERS / str(script)), *map(str, arguments)]
            server = subprocess.Popen(command, stdout=subprocess.PIPE)
            servers.callback(server.wait)
            servers.callback(server.terminate)
            assert server.stdout is not None
            if not server.stdout.readline():
                raise RuntimeError(f"{script} does not serve; it ended with code {server.wait()}")
        yield


@contextmanager
def serving(pictures: Path, hosts: Sequence[str], wait: float = 0.0) -> Iterator[int]:
    """A picture for every address, or a folder of them, on one port of all hosts, which is given."""
    port = free_port(hosts[0])
    with running(["picture_server.py", port, pictures, wait, *hosts]):
        yield port


def write_small_picture(path: Path, side: int, colours: int) -> None:
    """A PNG of noise in few colours."""
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).quantize(colours).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
