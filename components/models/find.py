"""Where a model lies: found once, before any work begins, so that all workers load the same one."""

from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError
from components.storage.location import folder_at
from components.storage.mirror import Mirror
from components.storage.work import WORK

_REGISTRY = "models:/"
_FOLDERS = ("file://", "s3://")
_CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class FoundModel:
    """`name` loads it in any process; `mark` is what a fingerprint counts of it."""

    name: str | Mirror
    mark: tuple[object, ...]

    def local(self) -> str:
        """What `load_model` and `load_encoder` take here; raises as `Mirror.folder` does."""
        return self.name if isinstance(self.name, str) else str(self.name.folder())


def find_model(model: str) -> FoundModel:
    """Finds a folder, `NAME`, `NAME:TAG` or `NAME:FILE` of open_clip, or `models:/NAME@ALIAS`.

    What lies on this machine counts by its bytes, a model folder in a bucket by its objects' sizes
    and ETags: promoting another champion or replacing the weights gives other
    labels. Whether a name that is none of these is one of open_clip's is left to `load_encoder`.

    Raises:
        InputError: if the registry or the bucket has no such model, or the weights are missing or a
            pickle.
        SetupError: if the weights cannot be had.
    """
    if model.startswith(_REGISTRY):
        from components.registry.model import fetch  # MLflow takes seconds to import

        return _folder(fetch(model, WORK / "models"))
    if model.startswith(_FOLDERS):
        return _found(model)
    if Path(model).is_dir():
        return _folder(Path(model))
    name, _, source = model.partition(":")
    if not source or Path(name).exists():
        return FoundModel(model, (model,))
    from components.models import weights

    if Path(source).suffix in {weights.SAFE, *weights.PICKLES}:
        file = weights.checkpoint(Path(source).absolute())
        return FoundModel(f"{name}:{file}", (name, file))
    return FoundModel(model, (model, weights.published(name, source)))


def _found(location: str) -> FoundModel:
    place = folder_at(location)
    if isinstance(place, Path):
        if not place.is_dir():
            raise InputError(f"{location} is no folder; name a model folder of `mofi pretrain`")
        return _folder(place)
    mirror = Mirror.of(place, holds=_CONFIG, mend="upload a model folder of `mofi pretrain`")
    return FoundModel(mirror, (mirror.mark,))


def _folder(folder: Path) -> FoundModel:
    return FoundModel(str(folder.absolute()), (folder.absolute(),))
