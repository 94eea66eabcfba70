"""`mofi query` and `mofi search`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from components.cli.model import LOCATIONS

Params = Annotated[Path, typer.Option(help="The parameter file.")]
if TYPE_CHECKING:
    from components.registry.parameters import PromoteParameters
    from components.serve.search import Embed

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
    """Load the champion through MLflow, index the data set, and search with benchmark pictures."""
    from components.cli import parameters
    from components.execution.stage import stage
    from components.registry.restore import restore_promotion
    from components.serve.embed import registered
    from components.serve.query import query as run_query
    from components.storage.json_files import read_json
    from components.storage.output import reading, writing

    knobs = parameters.load(params)
    name, alias = knobs.promote.name, knobs.promote.alias
    with writing(out), reading(data, benchmark), stage("query") as measures:
        version = restore_promotion(read_json(promotion), knobs.promote, models, benchmark)
        embed = registered(f"models:/{name}/{version}" if version else f"models:/{name}@{alias}")
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
    from rich.table import Table

    from components.cli import parameters
    from components.errors import InputError
    from components.images.decode import open_rgb
    from components.serve import embed as embeds
    from components.serve.search import build, entity_scores, read_labels

    if not image.is_file():
        raise InputError(f"{image} is not a file; name a picture (PNG, JPEG or WebP)")
    picture = image.read_bytes()
    open_rgb(picture)
    knobs = parameters.load(params).promote
    embed = embeds.model_at(model) if model else _champion(knobs)
    hits = build(data, embed).search(embed([picture]), top)[0]
    labels = read_labels(data)
    entities = Table("entity", "label", "share", title=f"What {image.name} looks like")
    for entity, share in entity_scores(hits)[:5]:
        entities.add_row(entity, labels.get(entity, ""), f"{share:.0%}")
    pictures = Table("cosine", "picture", "alt text", "entity", title="Nearest pictures")
    for hit in hits:
        names = ", ".join(labels.get(entity, entity) for entity in hit.entry.entities)
        pictures.add_row(f"{hit.cosine:.3f}", f"{hit.entry.shard}:{hit.entry.key}", hit.entry.caption, names)
    Console().print(entities, pictures)


def _champion(knobs: "PromoteParameters") -> "Embed":
    """The champion; where nothing was promoted, as in a clone, that of metrics/promote.json."""
    from components.registry import tracking
    from components.registry.promote import present_champion
    from components.registry.restore import restore_promotion
    from components.serve.embed import registered
    from components.storage.json_files import read_json

    tracking.connect()
    if present_champion(knobs) is None and PROMOTION.is_file():
        restore_promotion(read_json(PROMOTION), knobs, MODELS, BENCHMARK)
    return registered(f"models:/{knobs.name}@{knobs.alias}")
