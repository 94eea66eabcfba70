"""What can be read from the text of the Dockerfile; Docker itself is not needed."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
KNOWN = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "ENTRYPOINT", "CMD"}


def instructions(text: str = TEXT) -> list[tuple[str, str]]:
    """Every instruction as (name, rest), continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]


def stage(name: str) -> list[tuple[str, str]]:
    """The instructions of a stage."""
    found, inside = [], False
    for instruction, rest in instructions():
        if instruction == "FROM":
            inside = rest.endswith(f" AS {name}")
        elif inside:
            found.append((instruction, rest))
    assert found
    return found


def of(name: str, instruction: str) -> list[str]:
    return [rest for one, rest in stage(name) if one == instruction]


def environment(text: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", text))


def test_every_line_is_an_instruction():
    assert {name for name, _ in instructions()} <= KNOWN


def test_all_stages_have_one_base_with_a_full_version():
    (base,) = [rest for name, rest in instructions() if name == "ARG" and rest.startswith("PYTHON=")]
    assert re.fullmatch(r"PYTHON=docker\.io/library/python:3\.\d+\.\d+-slim-[a-z]+", base)
    assert [rest for name, rest in instructions() if name == "FROM"] == ["${PYTHON} AS build", "${PYTHON} AS runtime"]


def test_the_base_has_the_python_that_the_lock_was_made_for():
    base = re.search(r"python:(\d+\.\d+)\.", TEXT)
    locked = re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())
    assert base and locked and base[1] == locked[1]


def test_packages_come_from_the_lock_and_are_checked_against_it():
    runs = of("build", "RUN")
    installs = [run for run in runs if "uv pip install" in run]
    assert installs
    for run in installs:
        assert "--build-constraints requirements.lock" in run
        assert "--constraints requirements.lock" in run.replace("--build-constraints", "") or "--no-deps" in run
    assert any("uv pip freeze" in run and "--file=locked.txt" in run and "! grep" in run for run in runs)
    assert not [run for run in of("runtime", "RUN") if "pip" in run]


@pytest.mark.parametrize(("line", "passes"), [("ray==2.60.0", True), ("ray==2.59.0", False), ("left-pad==1.0", False)])
def test_the_check_fails_for_a_package_that_is_not_in_the_lock(tmp_path: Path, line: str, passes: bool):
    (tmp_path / "requirements.lock").write_text("ray==2.60.0\nuv==0.13.9\ntriton==3.9.0 ; sys_platform == 'linux'\n")
    (run,) = [run for run in of("build", "RUN") if "uv pip freeze" in run]
    frozen = f"printf '{line}\\ntriton==3.9.0\\n'"
    command = re.sub(r"uv pip freeze --python \S+", lambda _: frozen, run)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode == 0) is passes


def test_the_last_stage_runs_as_an_unprivileged_account():
    last = [rest for name, rest in instructions() if name == "USER"][-1]
    # Numeric, so that Kubernetes can verify that it is not root.
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last)
    assert of("runtime", "USER") == [last]


def test_the_last_stage_copies_only_the_environment_from_the_first():
    assert of("runtime", "COPY") == ["--from=build /opt/mofi /opt/mofi"]


def test_telemetry_is_off_as_in_the_makefile():
    wanted = re.findall(r"^export (\w+) := (\w+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(wanted) == 5
    (env,) = of("runtime", "ENV")
    assert set(wanted) <= set(environment(env).items())


def test_the_image_names_its_commit():
    from components.registry.provenance import COMMIT_VARIABLE

    (env,) = of("runtime", "ENV")
    assert environment(env)[COMMIT_VARIABLE] == "${COMMIT}"


def test_only_files_that_are_copied_are_sent_to_the_builder():
    copied = {word for rest in of("build", "COPY") for word in rest.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"  # the first is a comment
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    for name in copied:
        assert (ROOT / name).exists(), name


def test_it_holds_no_secret_and_no_address_but_the_registry_of_the_base():
    assert set(re.findall(r"[\w.-]+\.(?:io|org|com|net)\b", TEXT)) <= {"docker.io"}
    assert "http" not in TEXT
    assert not re.search(r"(?i)password|secret|token|access_key", TEXT)
