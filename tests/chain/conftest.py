"""A clone of this project with a small sample web, in which the whole chain runs quickly."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests import ROOT
from tests.ports import free_port

_LONGEST = 600

# What makes the chain short: few concepts and pictures, a small network, and easy gates.
SMALL = {
    "sample": {"drawings": 9, "planted": 4},
    "crawl": {"max_error_share": 0.9},
    "knowledge": {"embedding_size": 32},
    "pretrain": {"images_seen": 4096, "batch": 64, "checkpoint_every": 4, "log_every": 0.2},
    "label": {"references": 64},
    "evaluate": {"map_pictures": 30, "map_perplexity": 5.0, "examples": 4},
    "promote": {"least": 0.0, "least_over_baseline": 0.0, "least_over_raw_pixels": 0.0, "least_label_precision": 0.5},
}


@dataclass
class Clone:
    """The clone's folder, and how to use the command line in it."""

    folder: Path
    environment: dict[str, str]
    said: list[str] = field(default_factory=list)

    def mofi(self, *arguments: str, until: Callable[[str], bool] | None = None) -> int:
        """Runs `mofi ARGUMENTS`; its output goes to `said`.

        At the first line for which `until` is true, the command and all of its child processes are
        killed at once, as in a power cut.
        """
        self.said = []
        command = [sys.executable, "-m", "components.cli.main", *arguments]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        watchdog = threading.Timer(_LONGEST, kill_tree, [process.pid])
        watchdog.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                self.said.append(line.rstrip())
                if until is not None and until(line):
                    kill_tree(process.pid)
            return process.wait()
        finally:
            watchdog.cancel()
            kill_tree(process.pid)

    def change(self, section: str, key: str, value: object) -> None:
        """Sets one knob of params.yaml."""
        path = self.folder / "params.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content[section][key] = value
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def stages(self, what: str) -> set[str]:
        """The stages that the last flow `ran`, or found `skipped`."""
        marks = {"ran": "Running stage '", "skipped": " is up to date: skipped"}
        if what == "ran":
            return {line.split(marks[what])[1].split("'")[0] for line in self.said if marks[what] in line}
        return {line.split(marks[what])[0].split()[-1] for line in self.said if marks[what] in line}


def kill_tree(pid: int) -> None:
    """SIGKILL to a process and all its descendants, whatever group they are in."""
    import psutil

    try:
        process = psutil.Process(pid)
        family = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """What git tracks (or will), with the small parameters, as a repository of its own."""
    from samples.packages import fetch

    # A test run that is asked to end must end what it started, which leads a session of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tmp_path_factory.mktemp("chain") / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(lambda n: (ROOT / n).is_file(), listed.stdout.splitlines()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    packages = fetch(ROOT / ".work" / "npm").parent
    (folder / ".work").mkdir()
    (folder / ".work" / "npm").symlink_to(packages)
    kept_out = {"RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PREFECT_HOME", "PREFECT_API_URL"}
    environment = {k: v for k, v in os.environ.items() if k not in kept_out}
    environment |= {"PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    made = Clone(folder, environment)
    for section, knobs in (SMALL | {"sample": SMALL["sample"] | {"port": free_port()}}).items():
        for key, value in knobs.items():
            made.change(section, key, value)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "clone"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return made
