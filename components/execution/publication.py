"""How a stage's result gets to its place.

That is a folder, in one move, or a prefix of a bucket, with `_SUCCESS` when all is there.
"""

import logging
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.storage.atomic import publish_folder
from components.storage.layout import check_inputs
from components.storage.work import drop

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 is slow to load; only buckets need it

logger = logging.getLogger(__name__)

WHOLE = "_SUCCESS"
_TRIAL = "_writable"
_FILES = 64  # that one task uploads
_DIGITS = re.compile(r"\d+")


def check(target: "Path | Prefix", inputs: "Iterable[Path | Prefix]" = ()) -> None:
    """Checks before the work begins that its result can be written without harm to its inputs.

    Raises:
        InputError: if the bucket refuses, or `target` and an input are the same or nested, so that
            the input would be changed.
        SetupError: if the bucket's server does not answer.
    """
    check_inputs(target, inputs)
    if not isinstance(target, Path):
        check_writable(target)


def check_writable(bucket: "Prefix") -> None:
    """Writes an object and deletes it again.

    Raises:
        InputError: if either is refused.
        SetupError: if the bucket's server does not answer.
    """
    bucket.write(_TRIAL)
    bucket.delete([_TRIAL])


def publish(folder: Path, target: "Path | Prefix", stage: str, work: Path) -> None:
    """Makes the files of `folder` the content of `target`.

    A folder is replaced (`publish_folder`), a bucket is written to. In a bucket, `_SUCCESS` is
    deleted first and written last, when all objects are there and those of an earlier, larger
    result are
    not: objects whose names differ from this result's in their numbers alone. Other objects are
    left alone. A killed upload is started again by the next call.

    Args:
        folder: the result; of a result for a folder nothing is left here.
        target: from `components.storage.location.folder_at`.
        stage: for messages.
        work: folder for the upload's shard map, on the same disk for all nodes.

    Raises:
        InputError: if the bucket refuses or an object is not there afterwards, or the folder is one
            that the program works in.
        SetupError: if the bucket's server fails again and again.
    """
    if isinstance(target, Path):
        publish_folder(folder, target)
        return
    files = {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
    target.delete([WHOLE])
    drop(work)  # whether what an earlier call uploaded is still there, only another upload tells
    logger.info("%s: %d files go to %s", stage, len(files), target)
    names = list(files)
    parts = [names[first : first + _FILES] for first in range(0, len(names), _FILES)]
    map_shards(partial(_upload, folder, target), parts, stage=f"{stage}: upload", work=work)
    there = target.versions()
    missing = [name for name, size in files.items() if name not in there or there[name].size != size]
    if missing:
        raise InputError(
            f"{target}{missing[0]} was uploaded, but is not there ({len(missing)} objects are not); give all nodes the same "
            "AWS_ENDPOINT_URL, keep others from writing there, and run it again: what is finished is kept"
        )
    forms = {_form(name) for name in files}
    old = [name for name in there if name not in files and _form(name) in forms]
    if old:
        logger.info("%s: %d objects of an earlier result are deleted from %s", stage, len(old), target)
    target.delete(old)
    target.write(WHOLE)


def _form(name: str) -> str:
    return _DIGITS.sub("0", name)


def _upload(folder: Path, bucket: "Prefix", names: list[str], _: int, __: Path) -> Outcome:
    for name in names:
        bucket.put(folder / name, name)
    return Outcome({"files": len(names)})
