"""The whole chain as a Prefect flow: one task per DVC stage, in the order of the graph.

Stages run one after the other: each uses the whole machine (or the whole cluster) itself. Tasks are
called in the flow's own thread, so an interrupt or a cancelled run ends the stage's process group
at once.
"""

import os
from pathlib import Path
from typing import Any

# Prefect reads its settings when it is imported. Its data stay in this folder, it reports to
# nobody, and its own server may take its time on a busy machine.
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
from prefect.artifacts import create_link_artifact, create_table_artifact  # noqa: E402
from prefect.client.schemas.objects import State, TaskRun  # noqa: E402

from components.errors import ParameterError  # noqa: E402
from components.storage.json_files import flatten, read_json  # noqa: E402
from flows import dvc  # noqa: E402

REPORT, SUMMARY = Path("reports/index.html"), Path("reports/summary.json")


def _repeatable(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """A stage that the user must fix (a wrong value, a refused gate) is not repeated."""
    failure = state.result(raise_on_failure=False)
    return not isinstance(failure, dvc.StageFailed) or failure.repeatable


@task(task_run_name="{stage}", retries=1, retry_delay_seconds=5, retry_condition_fn=_repeatable)
def run_stage(stage: str, may_run: bool) -> bool:
    """Runs one DVC stage; returns whether anything was computed.

    Finished shards and checkpoints of a failed try are kept.
    """
    logger = get_run_logger()
    ran = may_run and _reproduce(stage)
    if not ran:
        logger.info("%s is up to date: skipped, nothing computed, nothing logged to MLflow", stage)
    return ran


def _reproduce(stage: str) -> bool:
    from components.execution import cluster

    logger = get_run_logger()
    cluster.share()
    return dvc.reproduce(stage, lambda line: logger.info("%s | %s", stage, line))


@flow(name="mofi", log_prints=False, validate_parameters=True)
def pipeline(only: str | None = None) -> dict[str, str]:
    """Runs every stage of dvc.yaml, or those up to `only`; returns `ran` or `skipped` for each."""
    logger = get_run_logger()
    if dvc.end_orphan():
        logger.warning("ended a stage that an earlier, killed run had left behind")
    graph = dvc.read_graph()
    if only is not None and only not in graph.needs:
        raise ParameterError(f"there is no stage {only!r}; the stages are {', '.join(graph.order)}")
    wanted = graph.above(only) if only else set(graph.needs)
    may_run = graph.below(dvc.changed_stages())
    happened: dict[str, str] = {}
    for stage in graph.order:
        if stage in wanted:
            happened[stage] = "ran" if run_stage(stage, stage in may_run) else "skipped"
    _publish(happened)
    return happened


def _publish(happened: dict[str, str]) -> None:
    """What a person wants to see of this run in Prefect's own view."""
    logger = get_run_logger()
    rows = [{"stage": stage, "this run": what, "seconds": _seconds(stage)} for stage, what in happened.items()]
    create_table_artifact(table=rows, key="stages", description="What ran, and the seconds of each stage's last run")
    if not SUMMARY.exists():
        return
    summary = read_json(SUMMARY)
    table = [{"figure": name, "value": value} for name, value in flatten(summary)]
    create_table_artifact(table=table, key="summary", description="Figures of reports/summary.json")
    create_link_artifact(REPORT.absolute().as_uri(), link_text="reports/index.html", key="report")
    logger.info("report: %s", REPORT.absolute().as_uri())


def _seconds(stage: str) -> float | None:
    path = Path("metrics/seconds") / f"{stage.replace('@', '_')}.json"
    return float(read_json(path)["seconds"]) if path.exists() else None


def run(only: str | None = None) -> dict[str, str]:
    """Runs the flow in this process, with a Ray that all stages join.

    Raises:
        MofiError: with the message of the stage that failed.
    """
    try:
        happened = pipeline(only)
    except dvc.StageFailed as failure:
        from components.errors import MofiError

        raise MofiError(str(failure)) from None
    finally:
        from components.execution import cluster

        cluster.leave()
    return happened


if __name__ == "__main__":
    run()
