"""`mofi query` and `mofi search`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.cli.model import LOCATIONS

Params = Annotated[Path, typer.Option(help="The parameter file.")]
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from components.registry.parameters import PromoteParameters
    from components.serve.search import Embed, Hit

PROMOTION, MODELS, BENCHMARK = Path("metrics/promote.json"), Path("models"), Path("data/sample/benchmark")
Data = Annotated[Path, typer.Option(help="The data set to search in.")]


def query(
    params: Params = Path("params.yaml"),
    data: Data = Path("data/i2e"),
    benchmark: Annotated[Path, typer.Option(help="Where the query pictures come from.")] = BENCHMARK,
    promotion: Annotated[Path, typer.Option(help="What `mofi promote` decided.")] = PROMOTION,
    models: Annotated[Path, typer.Option(help="The folder of model folders.")] = MODELS,
    out: Annotated[Path, typer.Option(help="Where the results go.")] = Path("data/query"),
) -> None:
    """Load the champion, index the data set, and look benchmark pictures up in it."""
    from components.cli import parameters
    from components.execution.stage import stage
    from components.registry.restore import restore_promotion
    from components.serve.embed import model_at
    from components.serve.query import LAYOUT
    from components.serve.query import query as run_query
    from components.storage.json_files import read_json
    from components.storage.output import output, reading

    knobs = parameters.load(params)
    name, alias = knobs.promote.name, knobs.promote.alias
    read = [*data.glob("*"), *models.glob("*")]
    with output(out, LAYOUT, [data, benchmark, promotion, models]), reading(*read), stage("query") as measures:
        version = restore_promotion(read_json(promotion), knobs.promote, models, benchmark)
        embed = model_at(f"models:/{name}/{version}" if version else f"models:/{name}@{alias}")
        measures.update(run_query(embed, data, benchmark, knobs.query, out))


def search(
    image: Annotated[Path, typer.Argument(help="The picture to look up.")],
    params: Params = Path("params.yaml"),
    data: Data = Path("data/i2e"),
    model: Annotated[
        str | None, typer.Option(help=f"The model to search with: {LOCATIONS}", show_default="the registry's champion")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Pictures to show.")] = 10,
) -> None:
    """Show the entities and pictures of the data set that look most like a picture."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from components.cli import parameters
    from components.errors import InputError
    from components.images.decode import BadImage, open_rgb
    from components.serve import embed as embeds
    from components.serve.search import build, entity_scores, read_labels
    from components.storage.output import reading

    if not image.is_file():
        raise InputError(f"{image} is not a file; name a picture (PNG, JPEG or WebP)")
    picture = image.read_bytes()
    try:
        open_rgb(picture)
    except BadImage as error:
        raise InputError(f"{image}: {error}; name another picture") from error
    knobs = parameters.load(params).promote
    with reading(data, model):
        embed = embeds.model_at(model) if model else _champion(knobs)
        index = build(data, embed)
        hits = index.search(embed([picture]), top)[0]
        labels, usual = read_labels(data), index.usual_cosine()
    entities = Table("entity", "label", "share", title=f"What {escape(image.name)} looks like")
    for entity, share in entity_scores(hits)[:5]:
        entities.add_row(escape(entity), escape(labels.get(entity, "")), f"{share:.0%}")
    console = Console()
    console.print(entities, nearest(hits, labels))
    if usual is not None and hits[0].cosine < usual:
        console.print(
            f"Doubtful: the nearest picture has a cosine of {hits[0].cosine:.3f}; of the data set's own pictures, 95 % have one "
            f"of {usual:.3f} or more to their nearest other. It may show nothing that is in the data set.",
            highlight=False,
        )


def nearest(hits: "Sequence[Hit]", labels: "Mapping[str, str]") -> "Table":
    """The pictures found, a row each; no column is cut off, however narrow the terminal."""
    from rich.table import Table
    from rich.text import Text

    pictures = Table(title="Nearest pictures")
    pictures.add_column("cosine", overflow="fold")
    pictures.add_column("key", overflow="fold", min_width=9)  # ours are not folded
    for heading in ("shard", "alt text", "entity"):
        pictures.add_column(heading, overflow="fold")
    for hit in hits:
        names = ", ".join(labels.get(entity, entity) for entity in hit.entry.entities)
        shard = f"{hit.entry.shard.parent.name}/{hit.entry.shard.name}"
        pictures.add_row(f"{hit.cosine:.3f}", *map(Text, (hit.entry.key, shard, hit.entry.caption, names)))
    return pictures


def _champion(knobs: "PromoteParameters") -> "Embed":
    """The champion; where nothing was promoted, as in a clone, that of metrics/promote.json."""
    from components.registry import tracking
    from components.registry.promote import present_champion
    from components.registry.restore import restore_promotion
    from components.serve.embed import model_at
    from components.storage.json_files import read_json

    tracking.connect()
    if present_champion(knobs) is None and PROMOTION.is_file():
        restore_promotion(read_json(PROMOTION), knobs, MODELS, BENCHMARK)
    return model_at(f"models:/{knobs.name}@{knobs.alias}")
