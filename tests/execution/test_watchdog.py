"""What a process started ends with it, however it ends."""

import os
import signal
import subprocess
import sys

import pytest

from components.execution import watchdog
from tests import ROOT

# Prints until the last process that holds its output has ended.
PARENT = """
import os, signal, subprocess, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the shell of the tests may ignore it
from components.execution import watchdog
watchdog.start()
watchdog.start()
child = "import subprocess, time; subprocess.Popen(['sleep', '1000']); print('child', flush=True); time.sleep(1000)"
started = subprocess.Popen([sys.executable, "-c", child], start_new_session=True, stdout=subprocess.PIPE)
print(started.stdout.readline().decode().strip(), flush=True)
{end}
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("os.kill(os.getpid(), signal.SIGHUP)", -signal.SIGHUP),
    ],
)
def test_children_of_children_in_sessions_of_their_own_end_with_the_process(end: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PARENT.format(end=end)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )  # returns when nobody holds the output any more
    assert done.stdout == "child\n"
    assert done.returncode == code


def test_what_does_not_end_when_asked_is_killed_and_nothing_else_is() -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    marked, other = (
        subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, env=os.environ | {watchdog.MARK: mark})
        for mark in ("one", "two")
    )
    for process in (marked, other):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    watchdog.end_marked("one", patience=0.1)
    assert marked.wait() == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()
