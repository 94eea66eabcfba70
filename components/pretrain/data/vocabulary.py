"""The training entities of a vocabulary, and whether shards are labelled with them: what both ways of reading pictures ask."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.errors import InputError

COLUMNS = ("entity_id", "label", "description")


def training_entities(path: Path) -> pa.Table:
    """The rows of `vocabulary.parquet` whose split is `train`, in file order: `COLUMNS`, as strings.

    A class without a name is named by its Q-id; one without a description has an empty one.

    Raises:
        InputError: if the file is missing or none, lacks a column, no row is left, or an entity is there twice.
    """
    table = _read(path)
    table = table.filter(pc.equal(table["split"], "train"))
    if not len(table):
        raise InputError(f"{path} has no training entity; lower curate's minimum of pictures, or crawl more")
    ids, labels, descriptions = (table[name].cast(pa.string()) for name in COLUMNS)
    _check_unique(path, ids)
    labels = pc.if_else(pc.equal(pc.fill_null(labels, ""), ""), ids, labels)
    return pa.table([ids, labels, pc.fill_null(descriptions, "")], names=list(COLUMNS)).combine_chunks()


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise InputError(f"{path} is missing; `mofi curate` writes it")
    try:
        lacking = {*COLUMNS, "split"} - set(pq.read_schema(path).names)
        if not lacking:
            return pq.read_table(path, columns=[*COLUMNS, "split"])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is no vocabulary ({error}); `mofi curate` writes it anew") from error
    raise InputError(f"{path} is no vocabulary: it lacks {', '.join(sorted(lacking))}; `mofi curate` writes it anew")


def _check_unique(path: Path, ids: pa.ChunkedArray) -> None:
    counted = pc.value_counts(ids)
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    if len(twice):
        raise InputError(f"{path} has {twice[0]} more than once; `mofi curate` writes it anew")


def check_labels(without_class: int, pictures: int, max_error_share: float, example: str = "") -> None:
    """Whether shards and vocabulary belong together.

    Args:
        without_class: of `pictures`, those that show no training entity.
        pictures: all that were looked at.
        max_error_share: how many may be without.
        example: in brackets, what one of them shows.

    Raises:
        InputError: if more are.
    """
    if without_class > max_error_share * pictures:
        raise InputError(
            f"{without_class} of {pictures} pictures show no training entity of the vocabulary{example}; shards and "
            "vocabulary.parquet are not of one run of `mofi curate`: write both anew, or raise pretrain.max_error_share"
        )
