"""The npm packages are fetched once.

A script on PATH stands in for npm: only who waits for whom is tested.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT

# Fails as npm does where two of it work in one folder; writes down that it ran.
_NPM = """#!/bin/sh
mkdir working || { echo "npm error code ENOTEMPTY" >&2; exit 1; }
echo ran >> runs
rm -rf node_modules
sleep 0.2
mkdir -p node_modules/drawings
rmdir working
exit ${NPM_STATUS:-0}
"""
_FETCH = "import sys; from pathlib import Path; from samples.packages import fetch; print(fetch(Path(sys.argv[1])))"


def _fetch(cache: Path, npm: Path, **more: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PATH": f"{npm}{os.pathsep}{os.environ['PATH']}"} | more
    return subprocess.Popen(
        [sys.executable, "-c", _FETCH, str(cache)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _npm(folder: Path) -> Path:
    (folder / "npm").write_text(_NPM, encoding="utf-8")
    (folder / "npm").chmod(0o755)
    return folder


def test_processes_that_fetch_at_once_install_once(tmp_path: Path) -> None:
    cache, npm = tmp_path / "cache", _npm(tmp_path)
    started = [_fetch(cache, npm) for _ in range(4)]
    answers = [(process.communicate(timeout=60), process.returncode) for process in started]
    assert [(out.strip(), code) for (out, _), code in answers] == [(str(cache / "node_modules"), 0)] * 4
    assert (cache / "runs").read_text(encoding="utf-8") == "ran\n"


def test_what_a_failed_install_left_is_not_taken_for_whole(tmp_path: Path) -> None:
    cache, npm = tmp_path / "cache", _npm(tmp_path)
    failed = _fetch(cache, npm, NPM_STATUS="1")
    assert "npm could not fetch the packages" in failed.communicate(timeout=60)[1]
    assert (cache / "node_modules").is_dir()
    assert _fetch(cache, npm).wait(timeout=60) == 0
    assert (cache / "runs").read_text(encoding="utf-8") == "ran\nran\n"
