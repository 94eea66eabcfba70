"""What pods run matches the command line, the parameters, the lock and the code of Ray nodes."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from components.cli import main, parameters
from components.execution import cluster, cpu_environment
from components.storage.mirror import CACHE_VARIABLE
from tests import ROOT
from tests.k8s.kubectl import kustomize
from tests.k8s.resources import Resource, config, job_of, of_kind
from tests.k8s.test_pods import GPU


def parse(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that `mofi WORDS` would run, with its parsed arguments; nothing runs.

    Raises:
        SystemExit: with the command line's own message, if it rejects the words.
    """
    command, path = typer.main.get_command(main.app), "mofi"
    while hasattr(command, "commands"):
        name, *words = words
        if name not in command.commands:
            raise SystemExit(f"{path} has no command {name}")
        command, path = command.commands[name], f"{path} {name}"
    try:
        return path, command.make_context(path, words).params
    except Exception as error:
        if not hasattr(error, "format_message"):  # not raised by the command line
            raise
        raise SystemExit(error.format_message()) from error


def run_by(job: Resource) -> tuple[str, dict[str, Any]]:
    program, *words = shlex.split(job["spec"]["entrypoint"])
    assert program == "mofi"
    return parse(words)


# Commands


def test_label_reads_and_writes_a_bucket(overlay: list[Resource]):
    command, arguments = run_by(job_of(overlay, "label"))
    assert command == "mofi label run"
    for place in ("crawl", "knowledge", "model", "out"):
        assert arguments[place].startswith("s3://"), place


def test_pretrain_runs_a_recipe_that_exists(overlay: list[Resource]):
    from components.pretrain.recipe import make_recipe

    command, arguments = run_by(job_of(overlay, "pretrain"))
    assert command == "mofi pretrain"
    knobs = parameters.load(ROOT / "params.yaml").pretrain
    assert make_recipe(arguments["recipe"], knobs).name == arguments["recipe"]


def test_pretrain_reads_a_bucket_and_writes_its_checkpoints_to_one(overlay: list[Resource]):
    """So a job resumes even if its volume is lost."""
    _, arguments = run_by(job_of(overlay, "pretrain"))
    assert str(arguments["data"]).startswith("s3://")
    assert str(arguments["checkpoints"]).startswith("s3://")


@pytest.mark.parametrize("name", ["label", "pretrain"])
def test_a_command_holds_nothing_that_rays_shell_would_expand(overlay: list[Resource], name: str):
    assert re.fullmatch(r"[\w./:@ -]+", job_of(overlay, name)["spec"]["entrypoint"])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["label", "run", "--crawls", "a"], "--crawls"),
        (["label", "walk"], "walk"),
        (["pretrain"], "recipe"),
        (["pretrain", "clip", "extra"], "extra"),
    ],
)
def test_words_that_the_command_line_rejects_are_named(words: list[str], named: str):
    with pytest.raises(SystemExit, match=f"(?i){named}"):
        parse(words)


# Parameters


def test_jobs_read_the_parameters_of_the_repository(overlay: list[Resource]):
    mounted = config(overlay, "parameters")
    assert mounted["data"] == {"params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8")}
    for job in of_kind(overlay, "RayJob"):
        assert str(run_by(job)[1]["params"]) == "/etc/mofi/params.yaml"


def test_changed_parameters_make_another_config_map(kubectl: Path, local: list[Resource], tmp_path: Path):
    """So a running job keeps the parameters that it started with."""
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    (tmp_path / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text(encoding="utf-8") + "# changed\n", encoding="utf-8"
    )
    changed = kustomize(kubectl, tmp_path / "k8s" / "overlays" / "local")
    before, after = (config(resources, "parameters")["metadata"]["name"] for resources in (local, changed))
    assert before != after


def test_there_is_no_second_copy_of_the_parameters():
    assert list((ROOT / "k8s").rglob("params*")) == []


def test_the_pretrain_job_has_a_place_for_every_training_worker(overlay: list[Resource]):
    wanted = yaml.safe_load(config(overlay, "parameters")["data"]["params.yaml"])["pretrain"]["workers"]
    (group,) = job_of(overlay, "pretrain")["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"]
    assert wanted <= group["replicas"] * limits.get(GPU, int(limits["cpu"]))


def test_ray_nodes_have_the_environment_that_this_project_sets_when_it_starts_ray(overlay: list[Resource]):
    environment = config(overlay, "environment")["data"]
    assert environment.pop(CACHE_VARIABLE).startswith("/tmp/")
    assert environment == cluster.RAY_ENVIRONMENT | cluster._WORKERS | cpu_environment.ENVIRONMENT


# Ray


def test_the_ray_version_is_that_of_the_lock(overlay: list[Resource]):
    locked = re.search(r"^ray==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    for job in of_kind(overlay, "RayJob"):
        assert job["spec"]["rayClusterSpec"]["rayVersion"] == locked[1]


def test_ray_start_accepts_the_options_of_all_nodes(overlay: list[Resource]):
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    for job in of_kind(overlay, "RayJob"):
        cluster_spec = job["spec"]["rayClusterSpec"]
        for group in (cluster_spec["headGroupSpec"], *cluster_spec["workerGroupSpecs"]):
            assert {f"--{name}" for name in group["rayStartParams"]} <= known
