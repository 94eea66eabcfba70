"""`reports/index.html`: one page without any outside reference, of whatever has been run so far."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from components.curate.format import VOCABULARY_SCHEMA
from components.errors import InputError
from components.evaluate.format import ACROSS, EXAMPLES_SCHEMA, EXCLUDED, INCLUDED, INDEX_SCHEMA, MAP_SCHEMA
from components.images.decode import BadImage
from components.knowledge.qid import number_of
from components.report import charts, marks, summary
from components.report.crawl_page import write_crawl_page
from components.report.inlined import calibration_uri, data_uri
from components.report.metrics import read_metrics, read_seconds
from components.report.template import environment, words
from components.shards.folder import ShardFolder
from components.shards.index import read_index
from components.shards.reader import read_shard
from components.storage.atomic import new_file
from components.storage.foreign.tables import columns_of, read_table, without_nulls
from components.storage.json_files import leaves, write_json
from components.storage.layout import Layout

GALLERY, MAP_THUMBNAILS = 36, 140
LAYOUT = Layout(
    "mofi report",
    ("summary.json",),
    key="pictures_crawled",
    replaces=("index.html", "crawl.html", "summary.json"),
)
_AGAIN = "`dvc repro` runs the stage that writes it again"
# What the page takes of `mofi query`'s results.
_QUERIES = pa.schema(
    [
        ("query", pa.string()),
        ("label", pa.string()),
        ("caption", pa.string()),
        pa.field("query_thumbnail", pa.binary(), nullable=False),
        pa.field("thumbnail", pa.binary(), nullable=False),
    ]
)
_THUMBNAIL, _DOT = 72, 32
_KINDS = ("all", "emoji", "flags", "brands")
PROTOCOLS = {EXCLUDED: "query excluded", INCLUDED: "query included", ACROSS: "across art sets only"}
NAMES = {
    "raw_pixels_8": "raw pixels, 8 × 8",
    "raw_pixels_32": "raw pixels, 32 × 32",
    "centred_pixels_8": "centred pixels, 8 × 8",
    "untrained": "untrained tower",
    "clip": "CLIP on alt texts",
    "multitask": "multi-task",
}


@dataclass(frozen=True)
class Shown:
    """A picture on the page: thumbnail, caption, and whether it is right (None: no question)."""

    source: str
    caption: str
    right: bool | None = None


@dataclass(frozen=True)
class Example:
    """A query and what was found for it."""

    query: Shown
    found: list[Shown]


def write_report(data: Path, metrics_folder: Path, out: Path) -> Path:
    """Writes `index.html`, `crawl.html` and `summary.json` into `out`; returns the first.

    Steps that have not run are left out.
    """
    metrics = read_metrics(metrics_folder)
    seconds = read_seconds(metrics_folder)
    steps = summary.count_steps(data)
    figures = summary.summarise(metrics, seconds, steps, summary.count_entities(data))
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "summary.json", figures)  # first, as it says whose folder this is
    evaluation = metrics.get("evaluate", {})
    best = evaluation.get("best")
    templates = environment()
    templates.filters["model"] = lambda name: NAMES.get(name, name)
    groups, plane = _map(data)
    page = templates.get_template("report.html.j2").render(
        summary=figures,
        steps=steps,
        stages={
            name: content
            for name, content in metrics.items()
            if name in ("sample", "knowledge", "crawl", "label", "curate")
        },
        evaluation=evaluation,
        best=best,
        models=summary.model_order(list(evaluation.get("models", {}))),
        protocols=PROTOCOLS,
        kinds=_kinds(evaluation),
        domains=_domains(evaluation),
        highest=highest(evaluation),
        calibration=calibration_uri(data / "labels"),
        gallery=_gallery(data / "i2e"),
        examples=_examples(data, best),
        queries=_queries(data / "query" / "results.parquet"),
        curves=_curves(metrics_folder / "curves"),
        pretraining={n.removeprefix("pretrain_"): c for n, c in metrics.items() if n.startswith("pretrain_")},
        map_groups=groups,
        group_key=marks.group_key,
        curve_key=marks.curve_key,
        plane=plane,
        seconds=sorted(seconds.items(), key=lambda item: -item[1]),
        promotion=metrics.get("promote"),
        table_rows=table_rows,
        crawl_page=write_crawl_page(data, metrics_folder, out),
    )
    path = out / "index.html"
    with new_file(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def table_rows(content: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The numbers and words of a metrics file, nested keys joined by ` · `, without its lists."""
    return [(" · ".join(map(words, keys)), value) for keys, value in leaves(content) if not isinstance(value, list)]


def highest(evaluation: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """(protocol or `knn`, slice) → the best value of any model, which the tables set in bold."""
    best: dict[tuple[str, str], float] = {}
    for model in evaluation.get("models", {}).values():
        for protocol, slices in (*model["retrieval"].items(), ("knn", model["knn"])):
            for name, value in slices.items():
                best[protocol, name] = max(value, best.get((protocol, name), 0.0))
    return best


def _slices(evaluation: Mapping[str, Any]) -> list[str]:
    for model in evaluation.get("models", {}).values():
        return list(model["retrieval"][EXCLUDED])
    return []


def _kinds(evaluation: Mapping[str, Any]) -> list[str]:
    known = _slices(evaluation)
    return [kind for kind in _KINDS if kind in known]


def _domains(evaluation: Mapping[str, Any]) -> list[str]:
    return [name for name in sorted(_slices(evaluation)) if name not in ("all", "emoji")]


def _gallery(data: Path) -> list[Shown]:
    """One picture each of up to `GALLERY` entities, spread evenly over the vocabulary."""
    train = data / "train"
    if not (data / "vocabulary.parquet").is_file() or not train.is_dir():
        return []
    vocabulary = read_table(data / "vocabulary.parquet", columns_of(VOCABULARY_SCHEMA, ["entity_id", "label"]), _AGAIN)
    labels = {row["entity_id"]: row["label"] for row in vocabulary.to_pylist()}
    index = read_index(train, ["key", "entities"]).to_pylist()
    by_entity: dict[str, list[str]] = {}
    for row in index:
        if row["entities"]:
            by_entity.setdefault(row["entities"][0], []).append(row["key"])
    entities = sorted(by_entity, key=number_of)
    step = max(1, len(entities) // GALLERY)
    chosen = {by_entity[e][n % len(by_entity[e])]: e for n, e in enumerate(entities[::step][:GALLERY])}
    shown: list[Shown] = []
    for tar in ShardFolder.at(train).local_tars():
        for picture in read_shard(tar):
            if picture.key in chosen:
                entity = chosen[picture.key]
                shown.append(
                    Shown(
                        data_uri(picture.image, _THUMBNAIL), f"{labels.get(entity, '')} ({entity}): “{picture.caption}”"
                    )
                )
    return shown


def _examples(data: Path, best: str | None) -> list[Example]:
    path = data / "evaluation" / "retrieval_examples.parquet"
    if best is None or not path.is_file():
        return []
    images = data / "sample" / "benchmark" / "images"
    concepts = _concepts(data)
    examples: dict[str, Example] = {}
    for row in read_table(path, without_nulls(EXAMPLES_SCHEMA), _AGAIN).to_pylist():
        if row["model"] != best:
            continue
        query = Shown(_drawn(images / row["query"], _THUMBNAIL), concepts.get(row["query"], ""))
        found = Shown(_drawn(images / row["file"], _THUMBNAIL), concepts.get(row["file"], ""), row["right"])
        examples.setdefault(row["query"], Example(query, [])).found.append(found)
    return list(examples.values())


def _drawn(picture: Path, side: int) -> str:
    try:
        return data_uri(picture.read_bytes(), side)
    except BadImage as error:
        raise InputError(f"{picture}: {error}; run `mofi evaluate` again on a whole benchmark") from error


def _concepts(data: Path) -> dict[str, str]:
    path = data / "sample" / "benchmark" / "images.parquet"
    table = read_table(path, columns_of(INDEX_SCHEMA, ["file", "concept", "art_set"]), _AGAIN)
    return {row["file"]: f"{row['concept']} by {row['art_set']}" for row in table.to_pylist()}


def _queries(path: Path) -> list[Example]:
    if not path.is_file():
        return []
    examples: dict[str, Example] = {}
    for row in read_table(path, _QUERIES, _AGAIN).to_pylist():
        query = Shown(data_uri(row["query_thumbnail"], _THUMBNAIL), row["query"])
        caption = row["label"] or row["caption"]
        examples.setdefault(row["query"], Example(query, [])).found.append(
            Shown(data_uri(row["thumbnail"], _THUMBNAIL), caption)
        )
    return list(examples.values())


def _curves(folder: Path) -> list[tuple[str, list[str], Markup]]:
    """(recipe, names of its losses, chart)."""
    drawn = []
    for name in summary.model_order([path.stem for path in folder.glob("*.csv")]):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        losses = [
            column
            for column in (rows[0] if rows else ())
            if column == "loss" or column in ("supervised", "contrastive")
        ]
        if len(losses) == 2:
            losses = ["loss"]
        series = {c: [(float(r["images_seen"]), float(r[c])) for r in rows if r[c]] for c in losses}
        drawn.append((name, losses, charts.lines(series, "images seen")))
    return drawn


def _map(data: Path) -> tuple[list[tuple[str, int]], Markup]:
    """The groups with their sizes, and the chart."""
    path = data / "evaluation" / "map.parquet"
    if not path.is_file():
        return [], Markup("")
    rows = read_table(path, without_nulls(MAP_SCHEMA), _AGAIN).to_pylist()
    images = data / "sample" / "benchmark" / "images"
    sizes = sorted(Counter(row["domain"] for row in rows).items())
    pictured = spread([(row["x"], row["y"]) for row in rows], MAP_THUMBNAILS)
    dots = [
        charts.Dot(
            row["x"],
            row["y"],
            row["domain"],
            row["file"],
            _drawn(images / row["file"], _DOT) if n in pictured else None,
        )
        for n, row in enumerate(rows)
    ]
    return sizes, charts.scatter(dots, [group for group, _ in sizes])


def spread(points: list[tuple[float, float]], most: int) -> set[int]:
    """Points that do not overlap: the first in every cell of a grid with about `most` of them."""
    side = max(1, int((most * 1.6) ** 0.5))
    cells: dict[tuple[int, int], int] = {}
    for position, (x, y) in enumerate(points):
        cells.setdefault((int(x * side), int(y * side)), position)
    return set(sorted(cells.values())[:most])
