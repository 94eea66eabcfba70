"""The files next to exported weights: tokenizer and preprocessing."""

from pathlib import Path
from typing import Any

import open_clip
from transformers import CLIPTokenizer

from components.errors import InputError
from components.export.parity import TEXTS
from components.models.load import Model
from components.models.preprocess import BICUBIC, BILINEAR, read_resizing
from components.models.tokenizer import TransformersTokenizer
from components.storage.json_files import write_json

# Pillow's filter numbers.
_RESAMPLE = {BILINEAR: 2, BICUBIC: 3}
START, END = "<|startoftext|>", "<|endoftext|>"


def write_tokenizer(model: Model, folder: Path) -> None:
    """Writes a tokenizer of `transformers` that gives the tokens that the model was trained with.

    For open_clip's own tokenizer this is CLIP's, which neither repairs broken Unicode nor unescapes
    HTML entities; clean texts have equal tokens.

    Raises:
        InputError: if the tokens differ, as with open_clip's other tokenizers.
    """
    if isinstance(model.tokenizer, TransformersTokenizer):
        model.tokenizer.save(folder)
        return
    ours = model.tokenizer
    if not isinstance(ours, open_clip.SimpleTokenizer):
        raise InputError(
            f"the model's tokenizer is open_clip's {type(ours).__name__}, which has no files; only a tower with CLIP's tokenizer, "
            "or with one of transformers, can be exported"
        )
    theirs = _clip_tokenizer(ours, model.config.context_length)
    exported = theirs(list(TEXTS), truncation=True, padding=False)["input_ids"]
    for text, tokens, given in zip(TEXTS, ours(list(TEXTS)).tolist(), exported, strict=True):
        if tokens[: len(given)] != given or any(tokens[len(given) :]):
            raise InputError(
                f"the model's tokenizer is not CLIP's: it tokenizes {text[:40]!r} differently; name a model with CLIP's own"
            )
    theirs.save_pretrained(folder)


def _clip_tokenizer(ours: Any, context_length: int) -> Any:
    renamed = {ours.decoder[ours.sot_token_id]: START, ours.decoder[ours.eot_token_id]: END}
    vocabulary = {renamed.get(token, token): number for token, number in ours.encoder.items()}
    return CLIPTokenizer(vocab=vocabulary, merges=list(ours.bpe_ranks), model_max_length=context_length)


def write_preprocessor(model: Model, folder: Path) -> None:
    """Writes `preprocessor_config.json` of a `CLIPImageProcessor`.

    Raises:
        InputError: if the model's preprocessing is not supported.
    """
    config, size, resizing = model.config.preprocess, model.config.image_size, read_resizing(model.config.preprocess)
    if not resizing.antialias:
        # CLIPImageProcessor always antialiases; like the released MOFI, the folder then has no such
        # file.
        return
    square = {"height": size, "width": size}
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessor",
            "do_resize": True,
            "size": square if resizing.squash else {"shortest_edge": size},
            "resample": _RESAMPLE[resizing.interpolation],
            "do_center_crop": not resizing.squash,
            "crop_size": square,
            "do_convert_rgb": True,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(config["mean"]),
            "image_std": list(config["std"]),
        },
    )
