"""Tokenizers: open_clip's own, or one of `transformers`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import open_clip
from open_clip.tokenizer import HFTokenizer
from torch import Tensor

from components.errors import InputError, MofiError, SetupError
from components.models.config import TowerConfig
from components.models.foreign.tokenizer import sanitized

# list of n texts → int64 [n, context_length]
Tokenizer = Callable[[list[str]], Tensor]


def make_tokenizer(config: TowerConfig, folder: Path | None = None) -> Tokenizer:
    """The tokenizer that fits a tower's vocabulary and context.

    Args:
        config: of the tower.
        folder: that of the model, whose files are read, whatever tokenizer the config names.
    """
    text, length = config.model["text_cfg"], config.context_length
    name, kwargs = text.get("hf_tokenizer_name"), text.get("tokenizer_kwargs") or {}
    if name:
        options = {"context_length": length, "tokenizer_mode": text.get("tokenizer_mode"), **kwargs}
        source = folder or (Path(name) if Path(name).is_dir() else str(name))
        return TransformersTokenizer(source, partial(_read, source, options))
    return cast(Tokenizer, open_clip.SimpleTokenizer(context_length=length, **kwargs))


def _read(source: Path | str, options: dict[str, Any]) -> Any:
    """The tokenizer of a folder or, by name, of a repository; neither's own code runs.

    A folder's copy is kept as long as the tokenizer, which may read it again to save itself.
    """
    if isinstance(source, str):
        return HFTokenizer(source, **{**options, "trust_remote_code": False})
    copy: TemporaryDirectory[str] = sanitized(source)
    tokenizer = HFTokenizer(copy.name, **{**options, "trust_remote_code": False})
    tokenizer.copy = copy
    return tokenizer


class TransformersTokenizer:
    """A tokenizer of `transformers`, loaded on first use: embedding pictures needs neither."""

    def __init__(self, name: object, read: Callable[[], Any]) -> None:
        self._name, self._read = name, read
        self._tokenizer: Any = None

    def __call__(self, texts: list[str]) -> Tensor:
        """n texts → int64 [n, context_length]; raises as `load` does."""
        tokenizer = self.load()
        try:
            tokens: Tensor = tokenizer(texts)
        except Exception as error:  # its settings do not fit each other
            raise InputError(
                f"the tokenizer of {self._name} cannot be used ({type(error).__name__}: {error}); fetch its files again"
            ) from error
        return tokens

    def load(self) -> Any:
        """open_clip's `HFTokenizer`.

        Raises:
            InputError: if its files are damaged, or would run code.
            SetupError: if it cannot be loaded.
        """
        if self._tokenizer is None:
            try:
                self._tokenizer = self._read()
            except MofiError:
                raise
            except (ImportError, OSError, ValueError) as error:
                raise SetupError(
                    f"the tokenizer of {self._name} cannot be loaded ({error}); pip install 'mofi-platform[export]', and check "
                    "that its files are there"
                ) from error
            except Exception as error:  # parsers raise whatever they like on hostile files
                raise InputError(
                    f"the tokenizer of {self._name} cannot be loaded ({type(error).__name__}: {error}); fetch its files again"
                ) from error
        return self._tokenizer

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files into a folder; raises as `load` does."""
        self.load().save_pretrained(folder)
