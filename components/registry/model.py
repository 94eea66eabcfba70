"""Model folders in MLflow: logged as they are, found again by their bytes, loaded by alias."""

import importlib.metadata
import logging
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import mlflow
import numpy as np
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from components.errors import InputError
from components.redaction import show_url
from components.registry import tracking
from components.registry.provenance import digest
from components.storage.atomic import new_folder
from components.storage.code import ROOT, closure, foreign_imports
from components.storage.code import find as find_file
from components.storage.json_files import read_json
from components.storage.mirror import matches
from components.storage.output import writing

logger = logging.getLogger(__name__)

CODE = Path(__file__).with_name("pyfunc.py")
# What loading a logged model takes, next to what the decoder of pictures imports, which is copied.
REQUIREMENTS = ("torch", "open_clip_torch", "safetensors", "pillow", "pandas", "numpy")
DECODER = "components.images.decode"
SCHEME = "models:/"
DIGEST_TAG, RECIPE_TAG = "sha256", "recipe"


def log(folder: Path) -> str:
    """Logs a model folder to the open run; returns the URI of the logged model.

    No pickle is involved: the loader is a script (`pyfunc.py`) with the decoder of pictures next to
    it, so that pixels are those of training; the weights are safetensors.

    Raises:
        InputError: if the folder holds no model.
    """
    card = read_card(folder)
    with warnings.catch_warnings(), TemporaryDirectory() as code:
        # MLflow asks for an example of the input; the signature says it all, and an example would
        # run the model.
        warnings.filterwarnings("ignore", message=".*input example", category=UserWarning)
        logged = mlflow.pyfunc.log_model(
            name=str(card["recipe"]),
            python_model=str(CODE),
            code_paths=[str(_copied_decoder(Path(code)))],
            artifacts={"model": str(folder)},
            signature=_signature(int(read_json(folder / "open_clip_config.json")["model_cfg"]["embed_dim"])),
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in _requirements()],
            tags={DIGEST_TAG: digest(folder), RECIPE_TAG: str(card["recipe"])},
            metadata={"mofi": card},
        )
    return str(logged.model_uri)


def _copied_decoder(folder: Path) -> Path:
    """Copies the decoder and what it imports of this project; returns their package."""
    for name in closure(DECODER):
        file = find_file(name)
        assert file is not None
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return folder / DECODER.partition(".")[0]


def _requirements() -> list[str]:
    """The packages that a logged model needs, by the names under which they are installed."""
    known = importlib.metadata.packages_distributions()
    imported = {package for name in closure(DECODER) for package in foreign_imports(name)}
    return sorted({*REQUIREMENTS, *(found[0] for name in imported if (found := known.get(name)))})


def read_card(folder: Path) -> dict[str, Any]:
    """`mofi.json` of a model folder.

    Raises:
        InputError: if it, the weights or the config are missing.
    """
    for name in ("open_clip_model.safetensors", "open_clip_config.json", "mofi.json"):
        if not (folder / name).is_file():
            raise InputError(f"{folder} is not a model folder: {name} is missing; run `mofi pretrain {folder.name}`")
    card: dict[str, Any] = read_json(folder / "mofi.json")
    return card


def _signature(width: int) -> ModelSignature:
    return ModelSignature(Schema([ColSpec("binary", "image")]), Schema([TensorSpec(np.dtype(np.float32), (-1, width))]))


def find(mark: str) -> str | None:
    """The URI of the newest logged model with this digest, or None."""
    experiment = tracking.connect()
    found = mlflow.search_logged_models(
        [experiment],
        filter_string=f"tags.{DIGEST_TAG} = '{mark}'",
        order_by=[{"field_name": "creation_timestamp", "ascending": False}],
        output_format="list",
    )
    return next((str(one.model_uri) for one in found if _holds_model(str(one.artifact_location))), None)


def is_whole(version: ModelVersion) -> bool:
    """Whether the files of a registered version are where the registry says."""
    return _holds_model(f"{SCHEME}{version.name}/{version.version}")


def _holds_model(uri: str) -> bool:
    """Whether the config and the weights of a model are below an artifact's URI."""
    waiting, sizes = [uri], dict[str, int]()
    while waiting:
        place = waiting.pop()
        try:
            entries = mlflow.artifacts.list_artifacts(artifact_uri=place)
        except (MlflowException, OSError):
            return False
        for entry in entries:
            name = entry.path.rpartition("/")[2]
            if entry.is_dir:
                waiting.append(f"{place}/{name}")
            else:
                sizes[name] = int(entry.file_size or 0)
    return all(sizes.get(name) for name in ("open_clip_model.safetensors", "open_clip_config.json"))


def fetch(uri: str, cache: Path, only: Sequence[str]) -> Path:
    """The model folder behind `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    It is copied into `cache` once per version: its files, and nothing of how MLflow would load it.

    Args:
        uri: of the registry.
        cache: a folder of this machine.
        only: patterns of the names that are copied.

    Raises:
        InputError: if the registry has no such version, or it holds no model folder.
    """
    tracking.connect()
    version = _version(uri)
    # A server's names are no paths.
    parts = (version.name, version.version, str(version.source).rpartition("/")[2])
    folder = cache / quote("-".join(map(str, parts)), safe="@ ")
    if not folder.is_dir():
        with writing(folder, wait=True):  # of processes that ask at once, one copies
            if not folder.is_dir():
                with new_folder(folder) as unfinished:
                    _copy(version, uri, unfinished, only)
    logger.info("%s is version %s of %s", show_url(uri), version.version, version.name)
    return folder


def _copy(version: ModelVersion, uri: str, folder: Path, only: Sequence[str]) -> None:
    got = folder / ".got"
    got.mkdir()
    mlflow.artifacts.download_artifacts(artifact_uri=str(version.source), dst_path=str(got))
    found = sorted(got.glob("**/open_clip_config.json"))
    if not found:
        raise InputError(
            f"{uri} (version {version.version}) holds no open_clip_config.json; name a model of `mofi pretrain`"
        )
    for file in found[0].parent.iterdir():
        if file.is_file() and matches(file.name, only):
            file.rename(folder / file.name)
    shutil.rmtree(got)


def _version(uri: str) -> ModelVersion:
    name, _, alias = uri.removeprefix(SCHEME).partition("@")
    client = mlflow.MlflowClient()
    try:
        if alias:
            found = client.get_model_version_by_alias(name, alias)
        else:
            name, _, number = name.partition("/")
            found = client.get_model_version(name, number)
    except MlflowException as error:
        raise InputError(
            f"the registry has no {uri} ({error.message}); write {SCHEME}NAME@ALIAS or {SCHEME}NAME/VERSION of a model "
            "that `mofi promote` registered"
        ) from error
    if not has_files(found):
        raise InputError(
            f"the files of {uri} (version {found.version}) are gone from {found.source}; run `mofi promote`, which registers "
            "the model again, or name another version"
        )
    return found


def has_files(version: ModelVersion) -> bool:
    """Whether the registry still holds any file of a version, ours or not."""
    try:
        return bool(mlflow.artifacts.list_artifacts(artifact_uri=f"{SCHEME}{version.name}/{version.version}"))
    except (MlflowException, OSError):
        return False
