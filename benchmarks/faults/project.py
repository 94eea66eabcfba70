"""The small chain, built once; what each command gives alone; and a copy of it for each try."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from benchmarks.faults.commands import BASE, CHAIN, COMMANDS, FLOW, OTHER, Command
from benchmarks.faults.content import Content, content
from benchmarks.faults.process import Run, environment, start
from components.storage.code import ROOT, code_mark
from components.storage.json_files import read_json, write_json
from samples.packages import fetch

# What makes the chain short: few concepts and pictures, a small network, and easy gates.
SMALL: dict[str, dict[str, Any]] = {
    "sample": {"drawings": 9, "planted": 2, "port": 21765},
    "crawl": {"max_error_share": 0.9, "part_pairs": 60},
    "knowledge": {"embedding_size": 32},
    "pretrain": {"images_seen": 640, "batch": 64, "checkpoint_every": 2, "log_every": 0.2, "validate_every": 0},
    "label": {"references": 64, "min_probability": 0.3},
    "curate": {"min_images": 3},
    "evaluate": {"map_pictures": 30, "map_perplexity": 5.0, "examples": 4},
    "promote": {
        "least": 0.0,
        "least_over_baseline": 0.0,
        "least_over_raw_pixels": 0.0,
        "least_label_precision": 0.0,
        "candidates": ["supervised"],
    },
}
_OTHER_PARAMETERS = "other.yaml"
# Where commands keep what they have finished, and what not.
_SEEN = (".work", "data", "models", "metrics", "mlartifacts", "reports", "exports")
_EVERY = 0.01  # seconds between two looks


@dataclass
class Base:
    """A project in which the whole chain has run.

    Attributes:
        folder: holds everything.
        address: of the Ray that commands join; None = each starts its own.
        forked: whether commands are forked from a process that has imported what is slow to import.
    """

    folder: Path
    address: str | None = None
    forked: bool = False

    @property
    def project(self) -> Path:
        """The undisturbed project."""
        return self.folder / "base"

    @cached_property
    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        return environment(self.project, self.address)

    def build(self) -> None:
        """Builds what is not there yet; a command that is finished is not run again.

        The code is that of today, the results those of the first call: remove the folder after a
        change that changes results.
        """
        _copy_code(self.project)
        if not (self.project / ".git").exists():
            _make_repository(self.project)
        for command in CHAIN:
            stamp = self.folder / "built" / command.name
            if stamp.exists():
                continue
            self.alone(self.project, command, BASE)
            stamp.parent.mkdir(exist_ok=True)
            stamp.touch()

    def lock(self) -> None:
        """Lets DVC take what is there for what this code made, so that a flow finds it finished."""
        stamp = self.folder / "built" / f"dvc-{code_mark('components.cli.main', 'flows.command')}"
        if not stamp.exists():
            dvc = [sys.executable, "-m", "dvc", "commit", "--force", "--quiet", *_stages(self.project)]
            subprocess.run(dvc, cwd=self.project, env=self.variables, check=True)
            stamp.touch()

    def alone(self, project: Path, command: Command, variant: str) -> str:
        """Runs a command that nothing disturbs; returns what it printed."""
        prepare(project, command, variant)
        began = time.monotonic()
        run = self.start(project, command, variant, command.name)
        seen = wait_for_files(run, project, sys.maxsize)
        if run.wait() != 0:
            raise RuntimeError(f"mofi {' '.join(command.words)} failed undisturbed: {run.said[-3000:]}")
        write_json(self._cost(command), {"seconds": time.monotonic() - began, "files": seen})
        return run.said

    def start(self, project: Path, command: Command, variant: str, log: str) -> Run:
        """Starts a command; `log` names the file of what it prints. A flow is always executed."""
        forked = self.forked and command is not FLOW
        return start(
            project, words(command, variant), self.folder / "logs" / f"{log}.txt", self.variables, forked=forked
        )

    def seconds(self, command: Command) -> float:
        """How long the command took alone, the last time."""
        return float(self._costs(command)["seconds"])

    def files(self, command: Command) -> int:
        """How many new files were seen meanwhile."""
        return int(self._costs(command)["files"])

    def _costs(self, command: Command) -> dict[str, Any]:
        if not self._cost(command).exists():
            self.expected(command, command.variants[-1])
        return dict(read_json(self._cost(command)))

    def _cost(self, command: Command) -> Path:
        return self.folder / "costs" / f"{command.name}.json"

    def copy(self, into: Path | None = None, *, flow: bool = False) -> Path:
        """A copy of the project, which replaces the one of the try before.

        Args:
            into: where it goes.
            flow: whether a flow is to find the chain finished.
        """
        if flow:
            self.lock()
        target = into or self.folder / "try"
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.project), str(target)], check=True)
        return target

    def expected(self, command: Command, variant: str, changed: Command | None = None) -> Content:
        """What a command gives alone.

        Args:
            command: the command.
            variant: which of its results.
            changed: a command that gave its other result before.
        """
        name = f"{command.name}-{variant}" + (f"-after-{changed.name}" if changed else "")
        known = self.folder / "expected" / f"{name}.json"
        if not known.exists():
            project = self.copy(self.folder / "alone", flow=command is FLOW)
            if changed is not None:
                self.alone(project, changed, OTHER)
            self.alone(project, command, variant)
            found = content(project, command.outputs)
            if not found:
                raise RuntimeError(f"mofi {' '.join(command.words)} wrote nothing undisturbed")
            write_json(known, found)
        return dict(read_json(known))


def wait_for_files(run: Run, project: Path, files: int) -> int:
    """Waits until so many new files were seen, or for the command's end; returns how many were."""
    before = _names(project)
    seen: set[str] = set()
    while run.goes_on and len(seen) < files:
        seen |= _names(project) - before
        time.sleep(_EVERY)
    return len(seen)


def _names(project: Path) -> set[str]:
    return {f"{folder}/{name}" for top in _SEEN for folder, _, names in os.walk(project / top) for name in names}


def words(command: Command, variant: str) -> tuple[str, ...]:
    """What stands after `mofi`."""
    if variant == BASE or command is FLOW:
        return command.words
    return (*command.words, "--params", f"{command.name}.{_OTHER_PARAMETERS}")


def prepare(project: Path, command: Command, variant: str) -> None:
    """Writes the parameters of a variant. The flow knows no other file than params.yaml."""
    if variant == BASE:
        return
    if command is FLOW:
        change(project, dict(command.knobs))
        return
    text = yaml.safe_dump({"extends": "params.yaml"} | dict(command.knobs), sort_keys=False)
    (project / f"{command.name}.{_OTHER_PARAMETERS}").write_text(text, encoding="utf-8")


def change(project: Path, knobs: dict[str, dict[str, Any]]) -> None:
    """Sets values in params.yaml."""
    path = project / "params.yaml"
    read = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in knobs.items():
        read[section] |= values
    path.write_text(yaml.safe_dump(read, sort_keys=False), encoding="utf-8")


def remove(project: Path, command: Command) -> None:
    """Removes what a command wrote; of a promotion, the registry."""
    names = [*command.outputs]
    if command is COMMANDS["promote"]:
        names += ["mlflow.db", "mlartifacts"]
    for name in names:
        path = project / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _copy_code(project: Path) -> None:
    """What git tracks (or will), with the small parameters and fewer recipes."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(lambda n: (ROOT / n).is_file(), listed.stdout.splitlines()):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    change(project, SMALL)
    _drop_stages(project, {"pretrain": {"contrastive", "multitask"}})


def _make_repository(project: Path) -> None:
    (project / ".work").mkdir()
    (project / ".work" / "npm").symlink_to(fetch(ROOT / ".work" / "npm").parent.absolute())
    who = ["-c", "user.name=faults", "-c", "user.email=faults@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "small"]):
        subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True)


def _drop_stages(project: Path, unwanted: dict[str, set[str]]) -> None:
    """Takes recipes out of dvc.yaml, with all that later stages say of them."""
    path = project / "dvc.yaml"
    graph = yaml.safe_load(path.read_text(encoding="utf-8"))
    for stage, recipes in unwanted.items():
        for recipe in recipes:
            del graph["stages"][stage]["foreach"][recipe]
        for other in graph["stages"].values():
            if "deps" in other:
                other["deps"] = [dep for dep in other["deps"] if not any(recipe in dep for recipe in recipes)]
    graph.pop("plots", None)
    path.write_text(yaml.safe_dump(graph, sort_keys=False), encoding="utf-8")


def _stages(project: Path) -> list[str]:
    read = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return [
        f"{name}@{key}" if "foreach" in stage else name
        for name, stage in read.items()
        for key in stage.get("foreach", [None])
    ]
