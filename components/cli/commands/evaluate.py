"""`mofi evaluate` and `mofi evaluate-model`."""

from pathlib import Path
from typing import Annotated

import typer

from components.cli.model import LOCATIONS

Params = Annotated[Path, typer.Option(help="The parameter file.")]


def evaluate(
    *,
    params: Params = Path("params.yaml"),
    models: Annotated[Path, typer.Option(help="The folder of model folders.")] = Path("models"),
    benchmark: Annotated[Path, typer.Option(help="The retrieval benchmark.")] = Path("data/sample/benchmark"),
    truth: Annotated[Path, typer.Option(help="The truth table of the web's pictures.")] = Path(
        "data/sample/truth.parquet"
    ),
    planted: Annotated[Path, typer.Option(help="Near-copies of benchmark pictures that the web holds.")] = Path(
        "data/sample/planted.parquet"
    ),
    crawl: Annotated[Path, typer.Option(help="The crawled shards.")] = Path("data/crawl"),
    labels: Annotated[Path, typer.Option(help="The labels of the crawl.")] = Path("data/labels"),
    out: Annotated[Path, typer.Option(help="Where embeddings and figures go.")] = Path("data/evaluation"),
) -> None:
    """Measure every model and the floors by the GPR1200 protocol, and the labels."""
    from components.cli import parameters
    from components.evaluate.evaluate import LAYOUT, model_folders
    from components.evaluate.evaluate import evaluate as evaluate_all
    from components.evaluate.tasks import Inputs
    from components.execution.stage import METRICS, stage
    from components.registry.runs import stage_run
    from components.storage.output import output

    knobs = parameters.load(params).evaluate
    inputs = Inputs(models, benchmark, truth, planted, crawl, labels)
    with output(out, LAYOUT, [models, *models.glob("*"), benchmark, truth, planted, crawl, labels]):
        read = [benchmark, truth, planted, crawl, labels, *model_folders(models).values()]
        with stage_run("evaluate", knobs, inputs=read) as run:
            with stage("evaluate") as measures:
                measures.update(evaluate_all(inputs, knobs, out))
            run.log_metrics(METRICS / "evaluate.json")


def evaluate_model(
    model: Annotated[
        str,
        typer.Argument(help=f"The model to measure: {LOCATIONS}"),
    ],
    *,
    params: Params = Path("params.yaml"),
    benchmark: Annotated[Path, typer.Option(help="The retrieval benchmark.")] = Path("data/sample/benchmark"),
    antialias: Annotated[
        bool | None,
        typer.Option(
            help="Whether pictures are resized with antialiasing; without, as MOFI was released.",
            show_default="as the model says",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
) -> None:
    """Measure one model, ours or anybody's, by the GPR1200 protocol."""
    from components.cli import parameters
    from components.evaluate.one_model import evaluate_one, summary
    from components.storage.json_files import write_json
    from components.storage.layout import check_file, keys_in
    from components.storage.output import reading

    knobs = parameters.load(params).evaluate
    if out is not None:
        check_file(
            out,
            (".json",),
            "mofi evaluate-model",
            lambda file: {"model", "retrieval"} <= keys_in(file),
            [benchmark, params, Path(model)],
        )
    with reading(model, benchmark):
        figures = evaluate_one(model, benchmark, knobs, antialias=antialias)
    if out is not None:
        write_json(out, figures)
    typer.echo(summary(figures))
