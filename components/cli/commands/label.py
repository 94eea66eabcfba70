"""`mofi label run`, `explain`, `evaluate`, `fit` and `audit`."""

from pathlib import Path
from typing import Annotated

import typer

from components.cli.model import LOCATIONS

Knowledge = Annotated[Path, typer.Option(help="The knowledge base's folder.")]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Finished labels of this knowledge base, for what the crawl taught: words, their case, names, pages.",
        show_default="data/labels, if it is there",
    ),
]
MaxLeftOut = Annotated[
    float,
    typer.Option(help="Share of texts, and of labels, that may be unusable; with more nothing is done.", min=0, max=1),
]
NoLabels = Annotated[bool, typer.Option("--no-labels", help="Link without what a crawl taught.")]
_LABELS = Path("data/labels")
Params = Annotated[Path, typer.Option(help="The parameter file.")]
Gold = Annotated[Path, typer.Argument(help="Texts with their mentions' right entities, one JSON object a line.")]


def run(
    crawl: Annotated[
        str, typer.Option(help="Picture shards of the crawl: a folder, or s3://BUCKET/PREFIX.")
    ] = "data/crawl",
    knowledge: Annotated[
        str, typer.Option(help="The knowledge base: a folder, or s3://BUCKET/PREFIX.")
    ] = "data/knowledge",
    model: Annotated[
        str,
        typer.Option(help=f"The image filter's CLIP: {LOCATIONS}"),
    ] = "models/clip",
    out: Annotated[str, typer.Option(help="Where the labels go: a folder, or s3://BUCKET/PREFIX.")] = "data/labels",
    params: Params = Path("params.yaml"),
) -> None:
    """Link every picture's alt text to entities, and keep those that CLIP sees in the picture."""
    from components.cli import parameters
    from components.execution.stage import stage
    from components.label.label import LAYOUT, label_pictures
    from components.storage.location import folder_at
    from components.storage.output import output

    knobs = parameters.load(params).label
    with output(folder_at(out), LAYOUT, [crawl, knowledge, model]), stage("label") as measures:
        measures.update(label_pictures(crawl, knowledge, model, out, knobs))


def explain(
    text: Annotated[str | None, typer.Argument(help="An alt text, e.g. ':turkey:'.")] = None,
    key: Annotated[
        str | None, typer.Option(help="Instead of a text: a picture of the crawl, with its page, site and labels.")
    ] = None,
    context: Annotated[str, typer.Option(help="What else stands around the picture: caption, page title.")] = "",
    site: Annotated[str, typer.Option(help="A host of the crawl, to weigh words as its alt texts do.")] = "",
    crawl: Annotated[Path, typer.Option(help="The crawl that --key is looked up in.")] = Path("data/crawl"),
    knowledge: Knowledge = Path("data/knowledge"),
    labels: Labels = None,
    no_labels: NoLabels = False,
    params: Params = Path("params.yaml"),
) -> None:
    """Show how a text is linked: mentions, candidates, scores, and why each is kept or dropped."""
    from rich.console import Console

    from components.cli import parameters
    from components.errors import InputError
    from components.label.explain import explain_picture, explain_text, table
    from components.storage.output import reading

    if (text is None) == (key is None):
        raise InputError("name a text, or a picture of the crawl with --key KEY")
    if key is not None and (context or site):
        raise InputError("--key takes context and site from the crawl; leave out --context and --site")
    knobs = parameters.load(params).label
    with reading(crawl, knowledge, labels or _LABELS):
        if key is not None:
            if no_labels:
                raise InputError("--key shows what the run decided, which its labels say; leave out --no-labels")
            explained = explain_picture(key, crawl, knowledge, labels or _LABELS, knobs)
        else:
            explained = explain_text(text or "", context, site, knowledge, _chosen(labels, no_labels), knobs)
        shown = table(explained, knowledge)
    Console().print(shown)


def evaluate(
    gold: Gold,
    out: Annotated[Path | None, typer.Option(help="Also write all figures and examples to this JSON file.")] = None,
    examples: Annotated[int, typer.Option(help="Errors of each kind that are kept as examples.", min=0)] = 20,
    max_left_out: MaxLeftOut = 0.05,
    knowledge: Knowledge = Path("data/knowledge"),
    labels: Labels = None,
    no_labels: NoLabels = False,
    params: Params = Path("params.yaml"),
) -> None:
    """Measure how right the links are, against texts whose links are known (ELEVANT's JSONL)."""
    from rich.console import Console

    from components.cli import parameters
    from components.label.gold.file import read_gold
    from components.label.gold.linker import GoldLinker
    from components.label.gold.scores import score
    from components.label.gold.table import table
    from components.storage.json_files import write_json
    from components.storage.layout import check_file, keys_in
    from components.storage.output import reading

    if out is not None:
        ours = {"end_to_end", "candidate_recall"}
        reads = [gold, knowledge, labels or _LABELS, params]
        check_file(out, (".json",), "mofi label evaluate", lambda file: ours <= keys_in(file), reads)
    read = read_gold(gold, max_left_out)
    knobs = parameters.load(params).label
    with reading(knowledge, labels or _LABELS):
        figures = score(read, GoldLinker(knowledge, knobs, _chosen(labels, no_labels)), examples)
    Console().print(table(figures))
    if out is not None:
        write_json(out, figures)


def fit(
    gold: Gold,
    held_out: Annotated[
        float, typer.Option(help="Share of the texts to judge by, and not to learn from.", min=0, max=0.9)
    ] = 0.3,
    strength: Annotated[
        float, typer.Option(help="Pull towards the present weights, in mentions; 0 = none.", min=0)
    ] = 1.0,
    max_left_out: MaxLeftOut = 0.05,
    write: Annotated[bool, typer.Option(help="Put the weights into the parameter file, if they are better.")] = False,
    knowledge: Knowledge = Path("data/knowledge"),
    labels: Labels = None,
    no_labels: NoLabels = False,
    params: Params = Path("params.yaml"),
) -> None:
    """Learn `label.weights` from texts whose links are known, and judge them by texts held out."""
    from rich.console import Console

    from components.cli import parameters
    from components.cli.label_weights import lines, replace_weights
    from components.label.gold.file import read_gold
    from components.label.gold.fit import fit as learn
    from components.label.gold.linker import GoldLinker
    from components.label.gold.table import fit_table
    from components.storage.output import reading

    read = read_gold(gold, max_left_out)
    knobs = parameters.load(params).label
    with reading(knowledge, labels or _LABELS):
        linker = GoldLinker(knowledge, knobs, _chosen(labels, no_labels))
        learnt = learn(read.texts, linker, held_out, strength)
    Console().print(fit_table(learnt.figures, read))
    typer.echo(lines(learnt.weights))
    if not learnt.better:
        typer.echo("the texts held out are not likelier with these weights; the present ones are kept", err=True)
        raise typer.Exit(1)
    if write:
        replace_weights(params, learnt.weights)
        typer.echo(f"written to {params}", err=True)


def audit(
    labels: Annotated[Path, typer.Option(help="Finished labels.")] = Path("data/labels"),
    crawl: Annotated[Path, typer.Option(help="The crawl that they were made from.")] = Path("data/crawl"),
    knowledge: Knowledge = Path("data/knowledge"),
    out: Annotated[
        Path, typer.Option(help="A page (.html) with samples of overruled pictures, or a table (.parquet) of all.")
    ] = Path("reports/audit.html"),
    sample: Annotated[int, typer.Option(help="Overruled pictures shown of each group of entities.", min=1)] = 40,
) -> None:
    """Show where the picture overruled the text: how often, by entity frequency, and samples."""
    from components.report.audit_page import write_audit
    from components.storage.output import reading

    with reading(labels, crawl, knowledge):
        write_audit(labels, crawl, knowledge, out, sample)
    typer.echo(f"wrote {out}")


def _chosen(labels: Path | None, no_labels: bool) -> Path | None:
    """The labels that were named, or those of the default place if there are any; None = none."""
    from components.errors import InputError

    if no_labels:
        if labels is not None:
            raise InputError(f"--labels {labels} and --no-labels contradict each other; leave one out")
        return None
    if labels is None and not _LABELS.exists():
        typer.echo(f"{_LABELS} is not there, so this is linked without what a crawl teaches", err=True)
        return None
    return labels or _LABELS
