"""`mofi label run` on a cluster of two nodes, from and to a real S3 endpoint."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from components.execution.publication import WHOLE
from components.label.label import label_pictures
from components.storage.s3 import Prefix
from tests import ROOT
from tests.endpoint import BUCKET, Endpoint
from tests.label.conftest import Parameters, small_web, upload, write_crawl


@dataclass(frozen=True)
class User:
    """A user of `mofi label run` with all inputs and the labels under a prefix of the bucket."""

    folder: Path
    bucket: Prefix
    environment: dict[str, str]

    def start(self) -> "subprocess.Popen[str]":
        places = {"crawl": "crawl", "knowledge": "knowledge", "model": "model", "out": "labels"}
        words = [word for option, name in places.items() for word in (f"--{option}", f"{self.bucket}{name}")]
        known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_ADDRESS"))}
        return subprocess.Popen(
            [sys.executable, "-m", "components.cli.main", "label", "run", *words],
            cwd=self.folder,
            env=known | self.environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def label(self) -> str:
        """What it said, if all went well."""
        with self.start() as process:
            said = process.communicate()[1]
        assert process.returncode == 0, said
        return said

    def label_until(self, line: str) -> None:
        """Kills the command when it says something."""
        with self.start() as process:
            assert process.stderr is not None
            said = next((text for text in process.stderr if line in text), None)
            process.kill()
        assert said is not None
        assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_crawl(tmp_path_factory.mktemp("web") / "crawl", small_web(), 10)


@pytest.fixture(scope="module")
def expected(
    ray_cluster: None,
    crawl: Path,
    knowledge: Path,
    clip: Path,
    knobs: Parameters,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, bytes]:
    """The objects that hold what one machine makes of the same files, and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        label_pictures(crawl, knowledge, str(clip), "labels", knobs())
    files = {path.name: path.read_bytes() for path in sorted((folder / "labels").iterdir())}
    assert len(files) == 17
    return files | {WHOLE: b""}


@pytest.fixture
def apart(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    two_nodes: str,
    s3: Endpoint,
    crawl: Path,
    knowledge: Path,
    clip: Path,
    knobs: Parameters,
) -> User:
    """On the cluster, with a bucket that holds all inputs."""
    defaults = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(defaults | {"label": knobs().model_dump(mode="json")}))
    bucket = Prefix.of(f"s3://{BUCKET}/{request.node.name}".partition("[")[0])
    for name, folder in {"crawl": crawl, "knowledge": knowledge, "model": clip}.items():
        upload(folder, Prefix.of(f"{bucket}{name}"))
    return User(tmp_path, bucket, s3.environment | {"RAY_ADDRESS": two_nodes})


def labels(user: User, s3: Endpoint) -> dict[str, bytes]:
    return s3.objects(f"{user.bucket.folder}labels")


def test_two_nodes_make_in_a_bucket_the_labels_that_one_machine_makes_in_a_folder(
    apart: User, s3: Endpoint, expected: dict[str, bytes]
) -> None:
    out = Prefix.of(f"{apart.bucket}labels")
    out.write("00099.parquet", expected["00000.parquet"])
    for name in ("00099_images.npy", "notes.txt"):
        out.write(name, b"older")
    said = apart.label()
    assert labels(apart, s3) == expected | {"notes.txt": b"older"}
    assert "joined the Ray cluster at 127.0.0.1:" in said
    assert s3.environment["AWS_ACCESS_KEY_ID"] not in said
    assert not any((apart.folder / ".work" / "label").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["label: CLIP separates", "files go to s3://"], ids=["before-deciding", "before-uploading"]
)
def test_a_killed_run_resumes_to_the_same_objects(
    apart: User, s3: Endpoint, expected: dict[str, bytes], line: str
) -> None:
    Prefix.of(f"{apart.bucket}labels").write(WHOLE)
    apart.label_until(line)
    assert (WHOLE in labels(apart, s3)) == (line == "label: CLIP separates")
    assert "label: survey: 3 shards were finished before and are kept" in apart.label().replace(" of 3", "")
    assert labels(apart, s3) == expected


@pytest.mark.slow
def test_another_base_in_the_same_place_drops_what_a_killed_run_made_of_the_first(
    apart: User, s3: Endpoint, expected: dict[str, bytes]
) -> None:
    apart.label_until("label: CLIP separates")
    # The same base to who labels with it, but not the same objects.
    Prefix.of(f"{apart.bucket}knowledge").write("stats.json", b"{}")
    said = apart.label()
    assert "parameters or inputs changed" in said
    assert "were finished before" not in said
    assert labels(apart, s3) == expected
    (copies,) = [p for p in (apart.folder / ".work" / "mirror").iterdir() if list(p.glob("*/entities.parquet"))]
    assert [path.read_bytes() for path in copies.glob("*/stats.json")] == [b"{}"]
