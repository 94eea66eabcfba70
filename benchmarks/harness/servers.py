"""Loopback servers in cheap processes of their own: benchmarks measure the client."""

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
    """A free port."""
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def run_servers(*commands: Sequence[object]) -> Iterator[None]:
    """Runs scripts of `peers`, each with its arguments, within the block.

    Waits until they serve.
    """
    with ExitStack() as servers:
        for script, *arguments in commands:
            command = [sys.executable, str(PEERS / str(script)), *map(str, arguments)]
            server = subprocess.Popen(command, stdout=subprocess.PIPE)
            servers.callback(server.wait)
            servers.callback(server.terminate)
            assert server.stdout is not None
            if not server.stdout.readline():
                raise RuntimeError(f"{script} did not start; it exited with code {server.wait()}")
        yield


@contextmanager
def serve_pictures(pictures: Path, hosts: Sequence[str], wait: float = 0.0) -> Iterator[int]:
    """Serves a picture for all URLs, or a folder of pictures, on one port of all hosts.

    Yields the port.
    """
    port = free_port(hosts[0])
    with run_servers(["picture_server.py", port, pictures, wait, *hosts]):
        yield port


def write_small_picture(path: Path, side: int, colours: int) -> None:
    """Writes a PNG of noise in few colours."""
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).quantize(colours).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
