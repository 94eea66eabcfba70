"""Where an open_clip architecture's weights come from: a file, or a published tag. A pickle, which may run code, is refused."""

import shlex
from pathlib import Path, PurePosixPath

from components.errors import InputError, SetupError

SAFE = ".safetensors"
PICKLES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl"})
PUBLISHED = "open_clip_model.safetensors"


def checkpoint(path: Path) -> Path:
    """A checkpoint file that may be loaded.

    Raises:
        InputError: if it is missing, or not safetensors; the message has the command that converts a pickle.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; name a checkpoint ({SAFE})")
    if path.suffix != SAFE:
        raise InputError(f"{path} is no {SAFE} file, and others may run code when they are loaded; {conversion(path)}")
    return path


def conversion(path: Path) -> str:
    """How to make a checkpoint of a pickle, for whoever trusts where it comes from; PyTorch's restricted reader does it."""
    code = (
        "import sys, torch; from safetensors.torch import save_file; "
        "d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); d = d.get('state_dict', d); "
        "save_file({k.removeprefix('module.'): v.clone().contiguous() for k, v in d.items()}, sys.argv[2])"
    )
    return f'convert it: python -c "{code}" {shlex.quote(str(path))} {shlex.quote(str(path.with_suffix(SAFE)))}'


def mend(folder: Path, otherwise: str) -> str:
    """What to do about a folder without safetensors: how a pickle in it is converted, `otherwise` if it holds none."""
    pickles = sorted(path for path in folder.iterdir() if path.suffix in PICKLES)
    return conversion(pickles[0]) if pickles else otherwise


def published(name: str, tag: str) -> Path:
    """The safetensors that open_clip knows by an architecture's tag: from the Hugging Face cache, else fetched into it.

    Raises:
        InputError: if the architecture has no such tag, or only pickles of it were published.
        SetupError: if they cannot be fetched.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    from open_clip import get_pretrained_cfg, list_pretrained_tags_by_model

    facts = get_pretrained_cfg(name, tag)
    if not facts.get("hf_hub"):
        tags = ", ".join(list_pretrained_tags_by_model(name)) or "none"
        raise InputError(f"open_clip has no weights {tag!r} of {name}; its tags are: {tags}")
    place = PurePosixPath(facts["hf_hub"] if not facts["hf_hub"].endswith("/") else facts["hf_hub"] + PUBLISHED)
    repository, file = (
        str(place.parent),
        place.with_suffix(SAFE).name.replace("open_clip_pytorch_model", "open_clip_model"),
    )
    known = try_to_load_from_cache(repository, file)
    if isinstance(known, str):
        return Path(known)
    mend = f"fetch {file} of https://huggingface.co/{repository} where there is a network, and name it as {name}:FILE{SAFE}"
    try:
        return Path(hf_hub_download(repository, file))
    except LocalEntryNotFoundError as error:  # nothing in the cache, and no answer
        raise SetupError(f"the weights {name}:{tag} cannot be had, huggingface.co does not answer; {mend}") from error
    except EntryNotFoundError as error:
        raise InputError(
            f"https://huggingface.co/{repository} has no {file}; fetch what it has and {conversion(Path(place.name))}"
        ) from error
    except OSError as error:
        raise SetupError(f"the weights {name}:{tag} cannot be had ({error}); {mend}") from error
