"""The weights of an open_clip model: a file, or a published tag. Pickles are refused."""

import math
import shlex
from pathlib import Path, PurePosixPath

from components.errors import InputError, SetupError

SAFETENSORS = ".safetensors"
PICKLES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl"})
WEIGHTS_FILE = "open_clip_model.safetensors"


def checkpoint_file(path: Path) -> Path:
    """Checks that a checkpoint file may be loaded, and returns it.

    Raises:
        InputError: if it is missing, or not safetensors; the message has the command that converts
            a pickle.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; name a checkpoint ({SAFETENSORS})")
    if path.suffix != SAFETENSORS:
        raise InputError(
            f"{path} is not a {SAFETENSORS} file, and others may run code when loaded; {conversion_command(path)}"
        )
    return path


def count_numbers(file: Path) -> int:
    """How many numbers a safetensors file holds, by its header.

    Raises:
        InputError: if it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            return sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file} cannot be read ({error}); fetch or write it again") from error


def conversion_command(path: Path) -> str:
    """The command that converts a trusted pickle, with PyTorch's restricted reader."""
    code = (
        "import sys, torch; from safetensors.torch import save_file; "
        "d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); d = d.get('state_dict', d); "
        "save_file({k.removeprefix('module.'): v.clone().contiguous() for k, v in d.items()}, sys.argv[2])"
    )
    return f'convert it: python -c "{code}" {shlex.quote(str(path))} {shlex.quote(str(path.with_suffix(SAFETENSORS)))}'


def fix_hint(folder: Path, otherwise: str) -> str:
    """The fix for a folder without safetensors: convert its pickle, else `otherwise`."""
    pickles = sorted(path for path in folder.iterdir() if path.suffix in PICKLES)
    return conversion_command(pickles[0]) if pickles else otherwise


def fetch_published(name: str, tag: str) -> Path:
    """The safetensors of a published tag, from the Hugging Face cache or downloaded into it.

    Raises:
        InputError: if the model has no such tag, or only pickles of it were published.
        SetupError: if they cannot be downloaded.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    from open_clip import get_pretrained_cfg, list_pretrained_tags_by_model

    facts = get_pretrained_cfg(name, tag)
    if not facts.get("hf_hub"):
        tags = ", ".join(list_pretrained_tags_by_model(name)) or "none"
        raise InputError(f"open_clip has no weights {tag!r} of {name}; its tags are: {tags}")
    path = PurePosixPath(facts["hf_hub"] if not facts["hf_hub"].endswith("/") else facts["hf_hub"] + WEIGHTS_FILE)
    repository, file = (
        str(path.parent),
        path.with_suffix(SAFETENSORS).name.replace("open_clip_pytorch_model", "open_clip_model"),
    )
    known = try_to_load_from_cache(repository, file)
    if isinstance(known, str):
        return Path(known)
    fix = (
        f"fetch {file} of https://huggingface.co/{repository} on a machine with network access, and name it as "
        f"{name}:FILE{SAFETENSORS}"
    )
    try:
        return Path(hf_hub_download(repository, file))
    except LocalEntryNotFoundError as error:  # nothing in the cache, and no answer
        raise SetupError(
            f"the weights {name}:{tag} cannot be downloaded, huggingface.co does not answer; {fix}"
        ) from error
    except EntryNotFoundError as error:
        raise InputError(
            f"https://huggingface.co/{repository} has no {file}; fetch what it has and {conversion_command(Path(path.name))}"
        ) from error
    except OSError as error:
        raise SetupError(f"the weights {name}:{tag} cannot be downloaded ({error}); {fix}") from error
