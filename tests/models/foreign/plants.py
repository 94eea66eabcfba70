"""Model folders that run code when a library is allowed to read them; the code leaves a marker."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.registry.conftest import make_model

WORDS = ["<pad>", "<s>", "</s>", "unk", "a", "crab"]
# Whatever runs appends a line to this file.
MARKER = "MOFI_TEST_MARKER"
CODE = """
import os
with open(os.environ["MOFI_TEST_MARKER"], "a") as marker:
    marker.write(__name__ + "\\n")
from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast
class EvilConfig(CLIPConfig): pass
class EvilModel(CLIPModel): pass
class EvilTokenizer(PreTrainedTokenizerFast): pass
"""
AUTO_MAP = {
    "AutoTokenizer": ["evil.EvilTokenizer", "evil.EvilTokenizer"],
    "AutoConfig": "evil.EvilConfig",
    "AutoModel": "evil.EvilModel",
}


class Evil:
    """A pickle that leaves the marker when it is loaded."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f'echo pickle >> "${MARKER}"',)


def model_with_tokenizer(folder: Path) -> Path:
    """A model folder of ours with a tokenizer of transformers, as `mofi pretrain` may write it."""
    make_model(folder, "clip", 1)
    write_tokenizer(folder)
    change(folder / "open_clip_config.json", "model_cfg", "text_cfg", hf_tokenizer_name="own")
    return folder


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    own = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="unk"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="unk"
    ).save_pretrained(folder)


def write_code(folder: Path) -> None:
    for name in ("evil.py", "__init__.py", "tokenization_evil.py", "modeling_evil.py", "setup.py", "conftest.py"):
        (folder / name).write_text(CODE)
    (folder / "chat_template.jinja").write_text("{{ cycler.__init__.__globals__.os.system('echo jinja') }}")
    for name in ("pytorch_model.bin", "open_clip_pytorch_model.bin", "python_model.pkl", "vocab.pkl", "model.pth"):
        (folder / name).write_bytes(pickle.dumps(Evil()))


def change(file: Path, *path: str, **values: Any) -> None:
    content = json.loads(file.read_text()) if file.exists() else {}
    part = content
    for key in path:
        part = part.setdefault(key, {})
    part.update(values)
    file.write_text(json.dumps(content))


def _open_clip(folder: Path, *path: str, **values: Any) -> None:
    change(folder / "open_clip_config.json", "model_cfg", *path, **values)


def _tokenizer(folder: Path, **values: Any) -> None:
    change(folder / "tokenizer_config.json", **values)


def _other(folder: Path) -> Path:
    """Another folder of this machine, to which a config points."""
    other = folder.parent / "other"
    other.mkdir()
    write_code(other)
    (other / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": AUTO_MAP, "architecture": "vit"}))
    write_tokenizer(other)
    _tokenizer(other, auto_map=AUTO_MAP)
    return other


def trusting_arguments(folder: Path) -> None:
    _open_clip(folder, "text_cfg", tokenizer_kwargs={"trust_remote_code": True})
    _tokenizer(folder, auto_map=AUTO_MAP)


def trusting_arguments_and_model_config(folder: Path) -> None:
    _open_clip(folder, "text_cfg", tokenizer_kwargs={"trust_remote_code": True})
    change(folder / "config.json", model_type="evil", auto_map=AUTO_MAP)


def code_s_revision(folder: Path) -> None:
    _open_clip(folder, "text_cfg", tokenizer_kwargs={"clean": "lower", "code_revision": "main", "subfolder": ".."})


def tokenizer_that_opens_files(folder: Path) -> None:
    _open_clip(folder, "text_cfg", hf_tokenizer_name="", tokenizer_kwargs={"bpe_path": str(folder / "vocab.pkl")})


def tokenizer_s_auto_map(folder: Path) -> None:
    _tokenizer(folder, auto_map=AUTO_MAP)


def tokenizer_s_old_auto_map(folder: Path) -> None:
    _tokenizer(folder, auto_map=["evil.EvilTokenizer", None], trust_remote_code=True)


def tokenizer_class_of_its_own(folder: Path) -> None:
    _tokenizer(folder, tokenizer_class="EvilTokenizer")


def tokenizer_class_that_is_none(folder: Path) -> None:
    _tokenizer(folder, tokenizer_class="AutoModel")


def tokenizer_s_arguments(folder: Path) -> None:
    _tokenizer(folder, init_inputs=[str(folder / "vocab.pkl")])


def tokenizer_s_special_tokens(folder: Path) -> None:
    change(folder / "special_tokens_map.json", auto_map=AUTO_MAP)
    change(folder / "special_tokens_map.json", sp_model_kwargs={"model_file": "/etc/passwd"})


def model_config_s_auto_map(folder: Path) -> None:
    change(folder / "config.json", model_type="evil", auto_map=AUTO_MAP)


def text_tower_of_another_folder(folder: Path) -> None:
    _open_clip(folder, "text_cfg", hf_model_name=str(_other(folder)))


def tokenizer_of_another_folder(folder: Path) -> None:
    _open_clip(folder, "text_cfg", hf_tokenizer_name=str(_other(folder)))
    _open_clip(folder, "text_cfg", "tokenizer_kwargs", trust_remote_code=True)


def image_tower_of_another_folder(folder: Path) -> None:
    _open_clip(folder, "vision_cfg", timm_model_name=f"local-dir:{_other(folder)}", timm_model_pretrained=True)


def image_tower_of_the_hub(folder: Path) -> None:
    _open_clip(folder, "vision_cfg", timm_model_name="hf-hub:evil/evil", timm_model_pretrained=True)


def text_tower_of_the_hub(folder: Path) -> None:
    _open_clip(folder, "text_cfg", hf_model_name="evil/evil", hf_model_config={"auto_map": AUTO_MAP})


def tower_s_arguments(folder: Path) -> None:
    _open_clip(folder, "vision_cfg", norm_kwargs={"eps": 1e-5, "device": "cuda", "dtype": "evil"})


def tower_s_own_class(folder: Path) -> None:
    _open_clip(folder, cast_dtype="evil", model_class="evil.EvilModel")


def weights_that_are_a_pickle(folder: Path) -> None:
    (folder / "open_clip_model.safetensors").write_bytes(pickle.dumps(Evil()))


def weights_beside_that_are_a_pickle(folder: Path) -> None:
    (folder / "open_clip_model.safetensors").unlink()


def code_that_nothing_names(folder: Path) -> None:
    """Files alone."""


PLANTS = (
    trusting_arguments,
    trusting_arguments_and_model_config,
    code_s_revision,
    tokenizer_that_opens_files,
    tokenizer_s_auto_map,
    tokenizer_s_old_auto_map,
    tokenizer_class_of_its_own,
    tokenizer_class_that_is_none,
    tokenizer_s_arguments,
    tokenizer_s_special_tokens,
    model_config_s_auto_map,
    text_tower_of_another_folder,
    tokenizer_of_another_folder,
    image_tower_of_another_folder,
    image_tower_of_the_hub,
    text_tower_of_the_hub,
    tower_s_arguments,
    tower_s_own_class,
    weights_that_are_a_pickle,
    weights_beside_that_are_a_pickle,
    code_that_nothing_names,
)
