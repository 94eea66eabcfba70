"""`mofi promote`."""

from pathlib import Path
from typing import Annotated

import typer


def promote(
    params: Annotated[Path, typer.Option(help="The parameter file.")] = Path("params.yaml"),
    models: Annotated[Path, typer.Option(help="The folder of model folders.")] = Path("models"),
    evaluation: Annotated[Path, typer.Option(help="The measures that decide.")] = Path("metrics/evaluate.json"),
    benchmark: Annotated[Path, typer.Option(help="The benchmark they were taken on.")] = Path("data/sample/benchmark"),
) -> None:
    """Make the best recipe the champion in the MLflow registry, if it passes the gates.

    The gates are set in params.yaml. A refusal is an error: the reasons go to metrics/promote.json,
    and the chain stops.
    """
    from components.cli import parameters
    from components.errors import GateRefused
    from components.execution.stage import stage
    from components.registry.promote import Evaluation, not_asked_text, refuse_text
    from components.registry.promote import promote as promote_best
    from components.storage.json_files import check_content, read_json
    from components.storage.output import reading

    knobs = parameters.load(params).promote
    with reading(benchmark, *models.glob("*")), stage("promote") as measures:
        evaluated = read_json(evaluation)
        check_content(evaluation, evaluated, Evaluation, "run `mofi evaluate` again")
        measures.update(promote_best(evaluated, knobs, models, benchmark))
    if not measures["promoted"]:
        raise GateRefused(refuse_text(measures))
    typer.echo(f"{measures['recipe']} is {knobs.alias} ({knobs.metric} {measures['value']:.4f})")
    if "stronger_floor" in measures:
        typer.echo(f"Note: {not_asked_text(measures['stronger_floor'])}")
