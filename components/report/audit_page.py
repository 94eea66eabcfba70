"""What the image filter overruled, as a page for people or a table for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.evaluate.filter_audit import GROUPS, Overruled, audit, overruled
from components.images.decode import BadImage
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.format import IMAGE_RIVAL, IMAGE_THRESHOLD, IMAGE_UNLIKELY
from components.label.image_filter.reader import filter_has_say
from components.label.reader import check_crawl
from components.label.text.picture_text import CAPTION, MAX_CHARACTERS
from components.report.inlined import calibration_uri, data_uri
from components.report.template import environment
from components.shards.format import shard_name
from components.shards.index import read_shard_index
from components.shards.reader import read_shard
from components.storage.atomic import new_file
from components.storage.layout import check_file, columns_in

OVERRULED_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("url", pa.string()),
        ("page_url", pa.string()),
        ("text", pa.string()),
        ("mention", pa.string()),
        ("group", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("entity_id", pa.string()),
        ("text_score", pa.float32()),
        ("image_score", pa.float32()),
        ("instead", pa.string()),
        ("instead_score", pa.float32()),
    ]
)
_THUMBNAIL, _AROUND = 72, 80
_TITLE, _HEAD = b"<title>The image filter, audited</title>", 4096
_SHOWN_COLUMNS = ("url", "page_url", "caption", "context")
_REASONS = {
    IMAGE_THRESHOLD: "the score lies below the threshold",
    IMAGE_UNLIKELY: "with this score the text’s choice is no longer likely",
    IMAGE_RIVAL: "the score speaks for a rival, but not enough for that one either",
}


@dataclass(frozen=True)
class Shown:
    """One overruled mention on the page: its picture (None: unreadable), words and two choices."""

    picture: str | None
    before: str
    mention: str
    after: str
    chosen: str
    text_score: float
    image_score: float
    instead: str | None
    instead_score: float | None
    reason: str
    key: str
    address: str


def write_audit(labels: Path, crawl: Path, knowledge: Path, out: Path, sample: int) -> None:
    """Writes `.html` (up to `sample` overruled mentions of each group), or `.parquet` (all).

    Raises:
        InputError: if labels, crawl or knowledge base are missing, the labels are of another crawl,
            or `out` has another ending.
    """
    check_file(out, (".html", ".parquet"), "mofi label audit", _is_ours, [labels, crawl, knowledge])
    check_crawl(labels, crawl)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".parquet":
        with new_file(out) as partial:
            pq.write_table(pa.Table.from_pylist(list(_table(overruled(labels), crawl)), OVERRULED_SCHEMA), partial)
        return
    names = KnowledgeBase.open(knowledge)
    samples: dict[str, list[Shown]] = {group: [] for group in GROUPS}
    for one, row, picture in _with_pictures(overruled(labels, sample), crawl):
        samples[one.group].append(_shown(one, row, picture, names))
    page = environment().get_template("audit_page.html.j2")
    text = page.render(
        audited=audit(labels),
        samples=samples,
        calibration=calibration_uri(labels),
        has_say=filter_has_say(labels),
    )
    with new_file(out) as partial:
        partial.write_text(text, encoding="utf-8")


def _is_ours(file: Path) -> bool:
    """Whether a file is a page or table of this module."""
    if file.suffix == ".parquet":
        return bool(columns_in(file) == OVERRULED_SCHEMA.names)
    return bool(_TITLE in file.read_bytes()[:_HEAD])


def _table(found: Sequence[Overruled], crawl: Path) -> Iterator[dict[str, Any]]:
    for one, row in _with_rows(found, crawl):
        text = _text(one, row)
        yield {
            "key": one.key,
            "url": row["url"],
            "page_url": row["page_url"],
            "text": text,
            "mention": text[one.verdict.start : one.verdict.end],
            "group": one.group,
            "entity_id": one.verdict.chosen,
        } | {name: getattr(one.verdict, name) for name in OVERRULED_SCHEMA.names if hasattr(one.verdict, name)}


def _with_rows(found: Sequence[Overruled], crawl: Path) -> Iterator[tuple[Overruled, dict[str, Any]]]:
    """Each with its row of the crawl's index, shard by shard."""
    for shard in sorted({one.shard for one in found}):
        wanted = [one for one in found if one.shard == shard]
        path = crawl / f"{shard_name(shard)}.parquet"
        if not path.is_file():
            raise InputError(f"{path} is missing; name the crawl that these labels were made from with --crawl")
        keys = [("key", "in", sorted({one.key for one in wanted}))]
        table = read_shard_index(path, ["key"], optional=_SHOWN_COLUMNS, filters=keys)
        rows = {row["key"]: row for row in table.to_pylist()}
        if lost := sorted({one.key for one in wanted} - rows.keys()):
            raise InputError(
                f"{path} lacks picture {lost[0]}; name the crawl that these labels were made from with --crawl"
            )
        yield from ((one, rows[one.key]) for one in wanted)


def _with_pictures(found: Sequence[Overruled], crawl: Path) -> Iterator[tuple[Overruled, dict[str, Any], bytes | None]]:
    shard, pictures = -1, dict[str, bytes]()
    for one, row in _with_rows(found, crawl):
        if one.shard != shard:
            shard, keys = one.shard, {other.key for other in found}
            tar = read_shard(crawl / f"{shard_name(shard)}.tar")
            pictures = {picture.key: picture.image for picture in tar if picture.key in keys}
        yield one, row, pictures.get(one.key)


def _text(one: Overruled, row: dict[str, Any]) -> str:
    return str(row["context" if one.source == CAPTION else "caption"] or "")[:MAX_CHARACTERS]


def _shown(one: Overruled, row: dict[str, Any], picture: bytes | None, names: KnowledgeBase) -> Shown:
    text, verdict = _text(one, row), one.verdict
    return Shown(
        _thumbnail(picture),
        _end(text[: verdict.start]),
        text[verdict.start : verdict.end],
        _beginning(text[verdict.end :]),
        _name(verdict.chosen, names),
        verdict.text_score,
        verdict.image_score,
        _name(verdict.instead, names) if verdict.instead else None,
        verdict.instead_score,
        _REASONS.get(verdict.reason, verdict.reason),
        one.key,
        str(row["page_url"] or row["url"]),
    )


def _thumbnail(picture: bytes | None) -> str | None:
    try:
        return data_uri(picture, _THUMBNAIL) if picture is not None else None
    except BadImage:
        return None


def _name(entity_id: str, names: KnowledgeBase) -> str:
    row = names.row_of(entity_id)
    if row is None:
        return entity_id
    entity = names.entity(row)
    return f"{entity.label} ({entity_id}{', ' + entity.description if entity.description else ''})"


def _end(text: str) -> str:
    return text if len(text) <= _AROUND else f"…{text[-_AROUND:]}"


def _beginning(text: str) -> str:
    return text if len(text) <= _AROUND else f"{text[:_AROUND]}…"
