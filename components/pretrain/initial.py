"""Weights that a training begins with: of a model folder, of a CLIP of `transformers` (as MOFI was released), or of one file."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from components.errors import InputError
from components.models import weights
from components.models.find import FoundModel, find_model
from components.pretrain.step import collectives
from components.storage.work import fingerprint

logger = logging.getLogger(__name__)

_SEEN = "visual."
# No tower's: a checkpoint of an image tower may have them or not.
_SCALARS = ("logit_scale", "logit_bias")


@dataclass(frozen=True)
class Initial:
    """Where the weights lie, for any process, and hex digits of their content."""

    found: FoundModel
    mark: str


def find(location: str) -> Initial | None:
    """What `pretrain.initial` names; None if it is empty.

    Raises:
        InputError: if nothing lies there, or only a pickle; the message has the command that converts it.
    """
    if not location:
        return None
    if Path(location).suffix in {weights.SAFE, *weights.PICKLES}:
        file = weights.checkpoint(Path(location)).absolute()
        found = FoundModel(str(file), (file,))
    else:
        found = find_model(location)
        if isinstance(found.name, str) and not Path(found.name).is_dir():
            raise InputError(
                f"pretrain.initial is {location!r}, which is no folder; name a model folder, models:/NAME@ALIAS, or a "
                f"checkpoint of pretrain.tower (FILE{weights.SAFE})"
            )
    return Initial(found, fingerprint(*found.mark))


def begin_with(model: nn.Module, begun: Initial) -> None:
    """Gives `model` the weights; whatever their precision, it keeps its own.

    A checkpoint of an image tower alone is taken as that: the text tower stays as drawn, and the log says so.

    Raises:
        InputError: if a tensor is missing, unknown, or of another shape; it is named.
    """
    where = Path(begun.found.local())
    given = fit(_tensors(where), model.state_dict(), where)
    model.load_state_dict(given, strict=False)
    if collectives.rank() == 0:
        logger.info("begins with %d tensors of %s", len(given), where)
        if not any(_is_text(name) for name in given):
            logger.info("%s holds no text tower; that begins as drawn from pretrain.seed", where)


def _tensors(where: Path) -> dict[str, Tensor]:
    """By their names in open_clip."""
    from components.models import load  # open_clip takes ten seconds of a CPU, which a driver need not spend
    from components.models.transformers_clip import is_clip_folder, read_clip_config

    if where.is_file():
        return load.read_tensors(where)
    if (where / load.CONFIG).is_file():
        if not (where / weights.PUBLISHED).is_file():
            raise InputError(f"{where} has no {weights.PUBLISHED}; {weights.mend(where, 'name another folder')}")
        return load.read_tensors(where / weights.PUBLISHED)
    if is_clip_folder(where):
        return load.clip_tensors(where, read_clip_config(where))
    raise InputError(
        f"pretrain.initial names {where}, which is no model folder: it has neither {load.CONFIG} nor config.json of a CLIP"
    )


def fit(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], where: object) -> dict[str, Tensor]:
    """Those of `tensors` that a model with the tensors `own` takes, by its names.

    Raises:
        InputError: as `begin_with`.
    """
    given = _named(tensors, own)
    unknown = sorted(given.keys() - own.keys())
    if unknown:
        raise _other(where, f"holds {unknown[0]}, which the tower has not")
    texts = any(_is_text(name) for name in given)
    missing = sorted(
        name for name in own.keys() - given.keys() if name not in _SCALARS and (texts or name.startswith(_SEEN))
    )
    if missing:
        raise _other(where, f"lacks {missing[0]}")
    for name, tensor in given.items():
        if tensor.numel() == own[name].numel() == 1:
            given[name] = tensor.reshape(own[name].shape)
        elif tensor.shape != own[name].shape:
            raise _other(
                where, f"has {name} of the shape {tuple(tensor.shape)}, where the tower has {tuple(own[name].shape)}"
            )
    return given


def _named(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without what wrappers put before names; an image tower's own names become those of the whole model."""
    from open_clip.model import convert_to_custom_text_state_dict

    given = {name.removeprefix("module.").removeprefix("_orig_mod."): tensor for name, tensor in tensors.items()}
    if not any(name.startswith(_SEEN) for name in given) and all(f"{_SEEN}{name}" in own for name in given):
        return {f"{_SEEN}{name}": tensor for name, tensor in given.items()}
    if "positional_embedding" in given and "positional_embedding" not in own:
        given = dict(convert_to_custom_text_state_dict(given))
    return given


def _is_text(name: str) -> bool:
    return not name.startswith(_SEEN) and name not in _SCALARS


def _other(where: object, difference: str) -> InputError:
    return InputError(
        f"{where} {difference}; name weights of pretrain.tower in pretrain.initial, or their tower in pretrain.tower"
    )
