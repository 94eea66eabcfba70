"""Tokenizers: open_clip's own, or one of `transformers`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import open_clip
from open_clip.tokenizer import HFTokenizer
from torch import Tensor

from components.errors import SetupError
from components.models.config import TowerConfig

# list of n texts → int64 [n, context_length]
Tokenizer = Callable[[list[str]], Tensor]


def make_tokenizer(config: TowerConfig) -> Tokenizer:
    """The tokenizer that fits a tower's vocabulary and context."""
    text, length = config.model["text_cfg"], config.context_length
    name, kwargs = text.get("hf_tokenizer_name"), text.get("tokenizer_kwargs") or {}
    if name:
        mode = text.get("tokenizer_mode")
        return TransformersTokenizer(
            name, partial(HFTokenizer, name, context_length=length, tokenizer_mode=mode, **kwargs)
        )
    return cast(Tokenizer, open_clip.SimpleTokenizer(context_length=length, **kwargs))


class TransformersTokenizer:
    """A tokenizer of `transformers`, loaded on first use: embedding pictures needs neither."""

    def __init__(self, name: object, read: Callable[[], Any]) -> None:
        self._name, self._read = name, read
        self._tokenizer: Any = None

    def __call__(self, texts: list[str]) -> Tensor:
        """n texts → int64 [n, context_length]; raises as `load` does."""
        tokens: Tensor = self.load()(texts)
        return tokens

    def load(self) -> Any:
        """open_clip's `HFTokenizer`.

        Raises:
            SetupError: if it cannot be loaded.
        """
        if self._tokenizer is None:
            try:
                self._tokenizer = self._read()
            except (ImportError, OSError, ValueError) as error:
                raise SetupError(
                    f"the tokenizer of {self._name} cannot be loaded ({error}); pip install 'mofi-platform[export]', and check "
                    "that its files are there"
                ) from error
        return self._tokenizer

    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files into a folder; raises as `load` does."""
        self.load().save_pretrained(folder)
