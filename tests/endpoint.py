"""A real S3 endpoint on loopback: rclone serves a folder's subfolders as buckets, with keys."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

BUCKET = "crawls"
KEY, SECRET = "a-key-of-tests", "and-its-secret"
_SERVES = re.compile(r"Starting s3 server on \[(http://[^]]+?)/?\]")


@dataclass(frozen=True)
class Endpoint:
    """Where it listens, and the folder that holds the buckets."""

    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to know."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "no-credentials"),
        }

    def objects(self, prefix: str) -> dict[str, bytes]:
        """What the bucket holds under a prefix."""
        folder = self.folder / BUCKET / prefix
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@contextmanager
def serve_s3(folder: Path) -> Iterator[Endpoint]:
    """Serves the folder, with one bucket in it, while it is needed."""
    (folder / BUCKET).mkdir(parents=True)
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
    options = ["--auth-key", f"{KEY},{SECRET}", "--config="]
    command = [rclone, "serve", "s3", *options, "--addr", "127.0.0.1:0", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            lines = iter(server.stderr.readline, "")
            found = next(filter(None, map(_SERVES.search, lines)), None)
            assert found is not None, "rclone ended before it served"
            # Nobody reads on, and a full pipe would stop it.
            drain = Thread(target=server.stderr.read, name="rclone")
            drain.start()
            yield Endpoint(found[1], folder)
        finally:
            server.kill()
            drain.join()
