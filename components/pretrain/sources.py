"""The data that a recipe reads."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError, ParameterError
from components.models import towers
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.training.data_source import CACHE, resolve_source
from components.shards.folder import ShardFolder
from components.storage import work as work_folders
from components.storage.atomic import new_file
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
        recipe: a file of `components/pretrain/recipes`.
        data: a path, `file://` or `s3://` URL: of shards for recipes without labels, else of a
            folder with `train/`, `validation/` and `vocabulary.parquet`.
        parameters: the stage's section.

    Raises:
        ParameterError: if there is no such recipe or tower, or pictures are decoded smaller than
            the tower's input.
        InputError: if something is missing.
    """
    side = towers.read_config(parameters.tower).image_size
    if parameters.picture_size < side:
        raise ParameterError(
            f"pretrain.picture_size is {parameters.picture_size}, but the tower {parameters.tower} takes {side} px: all pictures "
            f"would be enlarged; set it to {side} or more, or choose a tower for smaller pictures"
        )
    data = canonical(data)
    if not make_recipe(recipe, parameters).uses_labels:
        return Sources(data, mode=resolve_source(data, parameters))
    if isinstance(data, str):
        return _in_bucket(recipe, data, parameters)
    train, validation, vocabulary = data / "train", data / "validation", data / "vocabulary.parquet"
    for path in (train, vocabulary):
        if not path.exists():
            raise InputError(
                f"{path} is missing; the recipe {recipe} reads the data set that `mofi curate` writes (--data data/i2e)"
            )
    found = validation if ShardFolder.at(validation).has_shards() else None
    return Sources(train, vocabulary, found, resolve_source(train, parameters))


def _in_bucket(recipe: str, data: str, parameters: PretrainParameters) -> Sources:
    """The vocabulary is copied: it is needed whole, and small compared to pictures."""
    train, validation = (f"{data.rstrip('/')}/{part}" for part in ("train", "validation"))
    vocabulary = work_folders.WORK / "pretrain_vocabulary" / work_folders.fingerprint(data) / "vocabulary.parquet"
    try:
        with (
            local_copy(f"{data.rstrip('/')}/vocabulary.parquet") as copy,
            # On a shared disk, another run may be reading or writing the file.
            new_file(vocabulary, shared=True) as partial,
        ):
            shutil.copyfile(copy, partial)
    except InputError as error:
        raise InputError(f"{error}; the recipe {recipe} reads the data set that `mofi curate` writes") from error
    found = validation if ShardFolder.at(validation).has_shards() else None
    return Sources(train, vocabulary, found, resolve_source(train, parameters))
