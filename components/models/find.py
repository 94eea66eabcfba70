"""Finds a model once, before any work starts, so that all workers load the same one."""

import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from components.errors import InputError
from components.models.foreign.files import MODEL_FILES
from components.storage.location import folder_at
from components.storage.mirror import Mirror
from components.storage.work import WORK

_REGISTRY = "models:/"
_FOLDERS = ("file://", "s3://")
# How names of models begin that are no path of this machine.
REMOTE = (_REGISTRY, *_FOLDERS)
_CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class FoundModel:
    """A model's location.

    Attributes:
        name: what loads it in any process (`components.models.load`).
        mark: what a fingerprint counts.
    """

    name: str | Mirror
    mark: tuple[object, ...]

    def local(self) -> str:
        """What `load_model` and `load_encoder` take here; raises as `Mirror.folder` does."""
        return self.name if isinstance(self.name, str) else str(self.name.folder())


def find_model(model: str) -> FoundModel:
    """Finds a model folder, a model of open_clip, or one of the registry.

    From buckets and the registry only files that a model consists of are copied (`MODEL_FILES`).

    Local models count by their bytes, model folders in a bucket by their objects' sizes and ETags,
    so another champion or other weights at the same location give other labels.

    Args:
        model: a path or URL, `NAME`, `NAME:TAG` or `NAME:FILE.safetensors` of open_clip, or
            `models:/NAME@ALIAS`.

    Raises:
        InputError: if there is no such model, or its weights are missing or a pickle.
        SetupError: if the weights cannot be fetched.
    """
    if model.startswith(_REGISTRY):
        from components.registry.model import fetch  # MLflow takes seconds to import

        return _in_folder(fetch(model, WORK / "models", MODEL_FILES))
    if model.startswith(_FOLDERS):
        return _at_url(model)
    if Path(model).is_dir():
        return _in_folder(Path(model))
    name, _, source = model.partition(":")
    if name not in _architectures():
        raise InputError(
            f"{model} is neither a model folder (with {_CONFIG}, or config.json of a CLIP of transformers) nor a model of "
            "open_clip; run `mofi pretrain`, or name one of open_clip.list_models(), with `:TAG` or `:FILE.safetensors` if "
            "wanted"
        )
    if not source:
        return FoundModel(model, (model,))
    from components.models import weights

    if Path(source).suffix in {weights.SAFETENSORS, *weights.PICKLES}:
        file = weights.checkpoint_file(Path(source).absolute())
        return FoundModel(f"{name}:{file}", (name, file))
    return FoundModel(model, (model, weights.fetch_published(name, source)))


def _at_url(location: str) -> FoundModel:
    folder = folder_at(location)
    if isinstance(folder, Path):
        if not folder.is_dir():
            raise InputError(f"{location} is not a folder; name a model folder of `mofi pretrain`")
        return _in_folder(folder)
    mirror = Mirror.of(folder, holds=_CONFIG, fix="upload a model folder of `mofi pretrain`", only=MODEL_FILES)
    return FoundModel(mirror, (mirror.mark,))


def _architectures() -> frozenset[str]:
    """The names that open_clip knows, with those that a program has added to it."""
    library = sys.modules.get("open_clip")
    return _shipped() if library is None else frozenset(library.list_models())


@cache
def _shipped() -> frozenset[str]:
    """The names of open_clip's own files: to import it takes ten seconds."""
    found = find_spec("open_clip")
    assert found is not None and found.submodule_search_locations
    configs = (Path(place) / "model_configs" for place in found.submodule_search_locations)
    return frozenset(path.stem for folder in configs for path in folder.glob("*.json"))


def _in_folder(folder: Path) -> FoundModel:
    from components.models import weights

    if not any((folder / name).is_file() for name in (_CONFIG, "config.json")):
        raise InputError(
            f"{folder} is no model folder: it has no {_CONFIG}, and no config.json of a CLIP of transformers; run `mofi "
            "pretrain`, or name another folder"
        )
    if not any(folder.glob(f"*{weights.SAFETENSORS}")):
        raise InputError(f"{folder} holds no weights; {weights.fix_hint(folder, 'name another folder')}")
    return FoundModel(str(folder.absolute()), (folder.absolute(),))
