"""What turns texts into tokens: open_clip's own tokenizer, or one of transformers, read when it is first called."""

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


def tokenizer_of(config: TowerConfig) -> Tokenizer:
    """The tokenizer that fits a tower's vocabulary and context; one of `transformers` is read when it is first called."""
    text, length = config.model["text_cfg"], config.context_length
    name, more = text.get("hf_tokenizer_name"), text.get("tokenizer_kwargs") or {}
    if name:
        mode = text.get("tokenizer_mode")
        return ForeignTokenizer(name, partial(HFTokenizer, name, context_length=length, tokenizer_mode=mode, **more))
    return cast(Tokenizer, open_clip.SimpleTokenizer(context_length=length, **more))


class ForeignTokenizer:
    """A tokenizer of `transformers`, read when it is first called: whoever embeds pictures alone needs neither."""

    def __init__(self, name: object, read: Callable[[], Any]) -> None:
        self._name, self._read = name, read
        self._tokenizer: Any = None

    def __call__(self, texts: list[str]) -> Tensor:
        """n texts → int64 [n, context_length]; raises as `own` does."""
        tokens: Tensor = self.own()(texts)
        return tokens

    def own(self) -> Any:
        """open_clip's `HFTokenizer`.

        Raises:
            SetupError: if it cannot be had.
        """
        if self._tokenizer is None:
            try:
                self._tokenizer = self._read()
            except (ImportError, OSError, ValueError) as error:
                raise SetupError(
                    f"the tokenizer of {self._name} cannot be had ({error}); pip install 'mofi-platform[export]', and see that "
                    "its files lie there"
                ) from error
        return self._tokenizer

    def save(self, folder: Path) -> None:
        """Writes its files into a folder; raises as `own` does."""
        self.own().save_pretrained(folder)
