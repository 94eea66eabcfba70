"""The data that a recipe reads."""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError, ParameterError
from components.models import towers
from components.pretrain import recipes
from components.pretrain.parameters import PretrainParameters
from components.pretrain.training.data_source import CACHE, resolve_source
from components.storage import work as work_folders
from components.storage.location import canonical, local_copy


@dataclass(frozen=True)
class Sources:
    """What a recipe reads. Shards in a bucket are named by URL.

    Attributes:
        shards: the training shards.
        vocabulary: of recipes with labels.
        validation: the validation shards, if there are any.
        mode: how the training shards are read (`resolve_source`).
    """

    shards: Path | str
    vocabulary: Path | None = None
    validation: Path | str | None = None
    mode: str = CACHE

    @property
    def folders(self) -> list[Path | str]:
        """All folders of shards, the training shards first."""
        return [self.shards, *([self.validation] if self.validation else [])]


def find_sources(recipe: str, data: Path | str, parameters: PretrainParameters) -> Sources:
    """Finds what a recipe reads, without reading pictures.

    Args:
        recipe: one of `recipes.RECIPES`.
        data: a path, `file://` or `s3://` URL: of shards for recipes without labels, else of a
            folder
            with `train/`, `validation/` and `vocabulary.parquet`.
        parameters: the stage's section.

    Raises:
        ParameterError: if there is no such recipe or tower, or pictures are decoded smaller than
            the
            tower's input.
        InputError: if something is missing.
    """
    side = towers.read_config(parameters.tower).image_size
    if parameters.picture_size < side:
        raise ParameterError(
            f"pretrain.picture_size is {parameters.picture_size}, but the tower {parameters.tower} takes {side} px: all pictures "
            f"would be enlarged; set it to {side} or more, or choose a tower for smaller pictures"
        )
    data = canonical(data)
    if not recipes.make_recipe(recipe, parameters).uses_labels:
        return Sources(data, mode=resolve_source(data, parameters))
    if isinstance(data, str):
        return _in_bucket(recipe, data, parameters)
    train, validation, vocabulary = data / "train", data / "validation", data / "vocabulary.parquet"
    for path in (train, vocabulary):
        if not path.exists():
            raise InputError(
                f"{path} is missing; the recipe {recipe} reads the data set that `mofi curate` writes (--data data/i2e)"
            )
    found = validation if any(validation.glob("*.parquet")) else None
    return Sources(train, vocabulary, found, resolve_source(train, parameters))


def _in_bucket(recipe: str, data: str, parameters: PretrainParameters) -> Sources:
    """The vocabulary is copied: it is needed whole, and small compared to pictures."""
    from components.storage.s3 import Prefix  # boto3 is slow to import; only buckets need it

    train, validation = (f"{data.rstrip('/')}/{part}" for part in ("train", "validation"))
    vocabulary = work_folders.WORK / "pretrain_vocabulary" / work_folders.fingerprint(data) / "vocabulary.parquet"
    vocabulary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with local_copy(f"{data.rstrip('/')}/vocabulary.parquet") as copy:
            _replace(vocabulary, copy)
    except InputError as error:
        raise InputError(f"{error}; the recipe {recipe} reads the data set that `mofi curate` writes") from error
    has_validation = any(name.endswith(".parquet") for name in Prefix.of(validation).names())
    return Sources(train, vocabulary, validation if has_validation else None, resolve_source(train, parameters))


def _replace(path: Path, source: Path) -> None:
    """Replaces `path` atomically, since on a shared disk other runs may read or write it too."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        shutil.copyfile(source, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
