"""What the pods run is what this repository's command line, parameters, lock and cluster code say."""

import re
import shlex
from typing import Any

import pytest
import typer
import yaml

from components.cli import main, parameters
from components.execution import cluster, cpu_environment
from components.storage.mirror import CACHE_VARIABLE
from tests import ROOT
from tests.k8s.conftest import job_of, of_kind
from tests.k8s.kustomize import Resource
from tests.k8s.test_pods import GPU


def parse(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The command that `mofi WORDS` would run, and its arguments as it would get them; nothing runs.

    Raises:
        SystemExit: with the command line's own message, for what it does not accept.
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
        if not hasattr(error, "format_message"):  # not the command line's
            raise
        raise SystemExit(error.format_message()) from error


def run_by(job: Resource) -> tuple[str, dict[str, Any]]:
    program, *words = shlex.split(job["spec"]["entrypoint"])
    assert program == "mofi"
    return parse(words)


def config(resources: list[Resource], name: str) -> Resource:
    (found,) = [r for r in of_kind(resources, "ConfigMap") if r["metadata"]["name"].startswith(f"{name}-")]
    return found


# Commands


def test_label_reads_and_writes_a_bucket(overlay: list[Resource]):
    command, arguments = run_by(job_of(overlay, "label"))
    assert command == "mofi label run"
    for place in ("crawl", "knowledge", "model", "out"):
        assert arguments[place].startswith("s3://"), place


def test_pretrain_runs_a_recipe_that_there_is(overlay: list[Resource]):
    from components.pretrain import recipes

    command, arguments = run_by(job_of(overlay, "pretrain"))
    assert command == "mofi pretrain"
    knobs = parameters.load(ROOT / "params.yaml").pretrain
    assert recipes.make_recipe(arguments["recipe"], knobs).name == arguments["recipe"]


def test_pretrain_reads_a_bucket_and_leaves_its_checkpoints_in_one(overlay: list[Resource]):
    """So that a job that lost its volume goes on."""
    _, arguments = run_by(job_of(overlay, "pretrain"))
    assert str(arguments["data"]).startswith("s3://")
    assert str(arguments["checkpoints"]).startswith("s3://")


@pytest.mark.parametrize("name", ["label", "pretrain"])
def test_the_shell_that_ray_gives_a_command_to_finds_nothing_to_expand(overlay: list[Resource], name: str):
    assert re.fullmatch(r"[\w./:@ -]+", job_of(overlay, name)["spec"]["entrypoint"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["label", "run", "--crawls", "a"], "--crawls"),
        (["label", "walk"], "walk"),
        (["pretrain"], "recipe"),
        (["pretrain", "clip", "extra"], "extra"),
    ],
)
def test_a_command_that_the_command_line_does_not_accept_is_noticed(words: list[str], told: str):
    with pytest.raises(SystemExit, match=f"(?i){told}"):
        parse(words)


# Parameters


def test_the_jobs_read_the_repositorys_own_parameters(overlay: list[Resource]):
    mounted = config(overlay, "parameters")
    assert mounted["data"] == {"params.yaml": (ROOT / "params.yaml").read_text(encoding="utf-8")}
    for job in of_kind(overlay, "RayJob"):
        assert str(run_by(job)[1]["params"]) == "/etc/mofi/params.yaml"


def test_there_is_no_second_copy_of_the_parameters():
    assert list((ROOT / "k8s").rglob("params*")) == []


def test_as_many_workers_stand_ready_as_the_training_wants(overlay: list[Resource]):
    wanted = yaml.safe_load(config(overlay, "parameters")["data"]["params.yaml"])["pretrain"]["workers"]
    (group,) = job_of(overlay, "pretrain")["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"]
    assert wanted <= group["replicas"] * limits.get(GPU, int(limits["cpu"]))


def test_ray_nodes_start_with_what_this_project_sets_where_it_starts_ray(overlay: list[Resource]):
    environment = config(overlay, "environment")["data"]
    assert environment.pop(CACHE_VARIABLE).startswith("/tmp/")
    assert environment == cluster.RAY_ENVIRONMENT | cluster._WORKERS | cpu_environment.ENVIRONMENT


# Ray


def test_the_ray_version_is_that_of_the_lock(overlay: list[Resource]):
    locked = re.search(r"^ray==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    for job in of_kind(overlay, "RayJob"):
        assert job["spec"]["rayClusterSpec"]["rayVersion"] == locked[1]


def test_ray_takes_the_options_that_nodes_are_started_with(overlay: list[Resource]):
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    for job in of_kind(overlay, "RayJob"):
        cluster_spec = job["spec"]["rayClusterSpec"]
        for group in (cluster_spec["headGroupSpec"], *cluster_spec["workerGroupSpecs"]):
            assert {f"--{name}" for name in group["rayStartParams"]} <= known
