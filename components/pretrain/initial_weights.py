"""A training's initial weights: a model folder, a CLIP of `transformers`, or a single file."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from components.errors import InputError
from components.models import weights
from components.models.find import REMOTE, FoundModel, find_model
from components.pretrain.step import collectives
from components.storage.work import fingerprint

logger = logging.getLogger(__name__)

_VISUAL = "visual."
# Of neither tower, so an image tower's checkpoint may lack them.
_SCALARS = ("logit_scale", "logit_bias")


@dataclass(frozen=True)
class InitialWeights:
    """Where the weights are, for any process, and a fingerprint of their content."""

    found: FoundModel
    mark: str


def find_initial_weights(location: str) -> InitialWeights | None:
    """Finds the weights named by `pretrain.initial`; None if it is empty.

    Raises:
        InputError: if there is nothing, or only a pickle; the message has the command that converts
            it.
    """
    if not location:
        return None
    if Path(location).suffix in {weights.SAFETENSORS, *weights.PICKLES}:
        file = weights.checkpoint_file(Path(location)).absolute()
        found = FoundModel(str(file), (file,))
    else:
        if not location.startswith(REMOTE) and not Path(location).is_dir():
            raise InputError(
                f"pretrain.initial is {location!r}, which is not a folder; name a model folder, models:/NAME@ALIAS, or a "
                f"checkpoint of pretrain.tower (FILE{weights.SAFETENSORS})"
            )
        found = find_model(location)
    return InitialWeights(found, fingerprint(*found.mark))


def load_initial_weights(model: nn.Module, initial: InitialWeights) -> None:
    """Loads the weights into `model`, in the model's precision.

    A checkpoint may hold an image tower alone; the text tower then keeps its random weights, and a
    log line says so.

    Raises:
        InputError: naming a tensor that is missing, unknown, or of another shape.
    """
    where = Path(initial.found.local())
    given = match_tensors(_tensors(where), model.state_dict(), where)
    model.load_state_dict(given, strict=False)
    if collectives.rank() == 0:
        logger.info("loaded %d initial tensors from %s", len(given), where)
        if not any(_is_text(name) for name in given):
            logger.info("%s holds no text tower; it starts with random weights (pretrain.seed)", where)


def _tensors(where: Path) -> dict[str, Tensor]:
    """The tensors by their names in open_clip."""
    from components.models import load  # open_clip takes ten seconds to import, which the driver need not spend
    from components.models.transformers_clip import is_clip_folder, read_clip_config

    if where.is_file():
        return load.read_tensors(where)
    if (where / load.CONFIG).is_file():
        if not (where / weights.WEIGHTS_FILE).is_file():
            raise InputError(f"{where} has no {weights.WEIGHTS_FILE}; {weights.fix_hint(where, 'name another folder')}")
        return load.read_tensors(where / weights.WEIGHTS_FILE)
    if is_clip_folder(where):
        return load.read_clip_tensors(where, read_clip_config(where))
    raise InputError(
        f"pretrain.initial names {where}, which is not a model folder: it has neither {load.CONFIG} nor config.json of a CLIP"
    )


def match_tensors(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], where: object) -> dict[str, Tensor]:
    """Those of `tensors` that a model with the tensors `own` has, by its names.

    Raises:
        InputError: as `load_initial_weights` does.
    """
    given = _open_clip_names(tensors, own)
    unknown = sorted(given.keys() - own.keys())
    if unknown:
        raise _mismatch(where, f"holds {unknown[0]}, which the tower does not have")
    texts = any(_is_text(name) for name in given)
    missing = sorted(
        name for name in own.keys() - given.keys() if name not in _SCALARS and (texts or name.startswith(_VISUAL))
    )
    if missing:
        raise _mismatch(where, f"lacks {missing[0]}")
    for name, tensor in given.items():
        if tensor.numel() == own[name].numel() == 1:
            given[name] = tensor.reshape(own[name].shape)
        elif tensor.shape != own[name].shape:
            raise _mismatch(
                where, f"has {name} of shape {tuple(tensor.shape)}, where the tower has {tuple(own[name].shape)}"
            )
    return given


def _open_clip_names(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Strips the prefixes of wrappers; a bare image tower's names become the whole model's."""
    from open_clip.model import convert_to_custom_text_state_dict

    given = {name.removeprefix("module.").removeprefix("_orig_mod."): tensor for name, tensor in tensors.items()}
    if not any(name.startswith(_VISUAL) for name in given) and all(f"{_VISUAL}{name}" in own for name in given):
        return {f"{_VISUAL}{name}": tensor for name, tensor in given.items()}
    if "positional_embedding" in given and "positional_embedding" not in own:
        given = dict(convert_to_custom_text_state_dict(given))
    return given


def _is_text(name: str) -> bool:
    return not name.startswith(_VISUAL) and name not in _SCALARS


def _mismatch(where: object, difference: str) -> InputError:
    return InputError(
        f"{where} {difference}; set pretrain.initial to weights of pretrain.tower, or pretrain.tower to their tower"
    )
