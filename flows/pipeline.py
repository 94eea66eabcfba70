"""The whole chain as a Prefect flow: one task per DVC stage.

Each stage uses the whole machine (or the whole cluster) by itself, so as a rule they run one after
the other, called in the flow's own thread. `at_once` lets stages that do not need each other run
side by side. Either way, an interrupt or a cancelled run ends every stage's process group at once.
"""

import logging
import os
from pathlib import Path
from typing import Any

# Prefect reads its settings on import: data in this folder, no telemetry, and time for its own
# server to start on a busy machine.
for _key, _value in {
    "PREFECT_HOME": str(Path(".prefect").absolute()),
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "2.0",
    "DO_NOT_TRACK": "1",
}.items():
    os.environ.setdefault(_key, _value)

from prefect import flow, get_run_logger, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact, create_table_artifact  # noqa: E402
from prefect.client.schemas.objects import State, TaskRun  # noqa: E402
from prefect.futures import PrefectFuture, as_completed  # noqa: E402
from prefect.settings import PREFECT_API_URL  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

from components.errors import MofiError, ParameterError, SetupError  # noqa: E402
from components.storage.claims import claim_file  # noqa: E402
from components.storage.json_files import flatten, read_json  # noqa: E402
from flows import dvc, dvc_locks, readiness  # noqa: E402

REPORT, SUMMARY = Path("reports/index.html"), Path("reports/summary.json")
# A stage takes a machine of this many CPUs for itself, where nobody says how many run at once.
_CPUS_A_STAGE = 8
_MOST_AT_ONCE = 16
LOCK = Path(".work/.locks/flow")
RAN, SKIPPED = "ran", "skipped"


def _is_plain(record: logging.LogRecord) -> bool:
    """Leaves out the traceback of an error that its message explains; always True."""
    if record.exc_info and isinstance(record.exc_info[1], (MofiError, dvc.StageFailed)):
        record.exc_info = None
    return True


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_is_plain)


def _repeatable(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """A stage that the user must fix (a wrong value, a refused gate) is not repeated."""
    failure = state.result(raise_on_failure=False)
    return not isinstance(failure, dvc.StageFailed) or failure.repeatable


@task(task_run_name="{stage}", retries=1, retry_delay_seconds=5, retry_condition_fn=_repeatable)
def run_stage(stage: str, may_run: bool) -> str:
    """One DVC stage; returns whether it was computed. Keeps what a failed attempt finished."""
    logger = get_run_logger()
    if may_run and dvc.reproduce(stage, lambda line: logger.info("%s | %s", stage, line)):
        return RAN
    logger.info("%s is up to date: skipped, nothing computed, nothing logged to MLflow", stage)
    return SKIPPED


@flow(
    name="mofi",
    log_prints=False,
    validate_parameters=True,
    task_runner=ThreadPoolTaskRunner(max_workers=_MOST_AT_ONCE),  # type: ignore[arg-type]  # its own futures
)
def pipeline(only: str | None = None, at_once: int = 0) -> dict[str, str]:
    """Every stage of dvc.yaml, or those up to `only`; returns `ran` or `skipped` for each.

    Args:
        only: the last stage; None = all.
        at_once: how many stages run side by side, at most; 0 = as many as the cluster has room for.
    """
    logger = get_run_logger()
    claim()
    dvc_locks.drop_dead()
    for stage in dvc.end_orphans():
        logger.warning("ended the stage %s, which an earlier, killed run had left behind", stage)
    graph = dvc.read_graph()
    if only is not None and only not in graph.needs:
        raise ParameterError(f"there is no stage {only!r}; the stages are {', '.join(graph.order)}")
    wanted = graph.within(graph.above(only)) if only else graph
    may_run = graph.below(dvc.changed_stages())
    if may_run & set(wanted.needs):
        from components.execution import cluster

        cluster.share()
        at_once = at_once or room(cluster.cpus())
    happened = _side_by_side(wanted, may_run, at_once) if at_once > 1 else _in_turn(wanted, may_run)
    _publish(happened)
    return happened


def _in_turn(graph: dvc.Graph, may_run: set[str]) -> dict[str, str]:
    return {stage: run_stage(stage, stage in may_run) for stage in graph.order}


def _side_by_side(graph: dvc.Graph, may_run: set[str], at_once: int) -> dict[str, str]:
    """Stages start as soon as those that they need are done and fewer than `at_once` run.

    After a failure no further stage starts; it is raised when those that run are done.
    """
    happened: dict[str, str] = {}
    running: dict[PrefectFuture[str], str] = {}
    failures: list[Exception] = []
    try:
        while True:
            ready = [s for s in graph.ready(happened) if s not in running.values()] if not failures else []
            for stage in ready[: at_once - len(running)]:
                running[run_stage.submit(stage, stage in may_run)] = stage
            if not running:
                break
            future = next(iter(as_completed(list(running))))
            stage = running.pop(future)
            try:
                happened[stage] = future.result()
            except Exception as failure:  # noqa: BLE001 - raised below, when nothing runs any more
                failures.append(failure)
    except BaseException:  # an interrupt: the threads would wait for their stages
        dvc.end_running()
        raise
    if failures:
        raise failures[0]
    return {stage: happened[stage] for stage in graph.order}


def _publish(happened: dict[str, str]) -> None:
    """What a person wants to see of this run in Prefect's own view."""
    logger = get_run_logger()
    rows = [{"stage": stage, "this run": what, "seconds": _seconds(stage)} for stage, what in happened.items()]
    create_table_artifact(table=rows, key="stages", description="What ran, and the seconds of each stage's last run")
    if not SUMMARY.exists():
        return
    table = [{"figure": name, "value": value} for name, value in flatten(read_json(SUMMARY))]
    create_table_artifact(table=table, key="summary", description="Figures of reports/summary.json")
    create_markdown_artifact(where(REPORT.absolute()), key="report")
    logger.info("report: %s", REPORT.absolute().as_uri())


def where(report: Path) -> str:
    """Where the report is, in Markdown. A browser opens no `file://` link of a served page."""
    return f"The report of this run. Copy its path into your browser's address bar:\n\n`` {report} ``\n"


def _seconds(stage: str) -> float | None:
    path = Path("metrics/seconds") / f"{stage.replace('@', '_')}.json"
    return float(read_json(path)["seconds"]) if path.exists() else None


def room(cpus: int) -> int:
    """How many stages have room at once on a cluster of so many CPUs; at least one."""
    return min(max(1, cpus // _CPUS_A_STAGE), _MOST_AT_ONCE)


def run(only: str | None = None, at_once: int = 0) -> dict[str, str]:
    """Runs the flow in this process, with a Ray that all stages join; see `pipeline`.

    Raises:
        MofiError: what ended a stage.
    """
    from components.execution import cluster, watchdog

    readiness.check_repository()
    claim()
    readiness.check_prefect(PREFECT_API_URL.value())
    readiness.check_prefect_home()
    watchdog.start()
    try:
        happened: dict[str, str] = pipeline(only, at_once)
    except dvc.StageFailed as failure:
        raise MofiError(str(failure)) from None
    except RuntimeError as error:
        if "server" not in str(error) and "API" not in str(error):
            raise
        raise SetupError(f"Prefect's server cannot be used ({error}); end other work, and run it again") from error
    finally:
        cluster.leave()
    return happened


def claim() -> None:
    """Keeps other flows away from this folder until this process ends.

    Raises:
        SetupError: if another one runs here.
    """
    claim_file(LOCK.absolute(), f"the chain in {Path.cwd()}")


if __name__ == "__main__":
    run()
