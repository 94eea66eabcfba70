"""What turns pictures into embeddings for search: the champion of the registry, or a model folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.serve.search import Embed


def champion(name: str, alias: str) -> Embed:
    """The registry's `models:/NAME@ALIAS`, loaded through MLflow.

    Raises:
        InputError: if nothing has that alias.
    """
    import pandas as pd

    from components.registry import model

    loaded = model.load(name, alias)

    def embed(pictures: Sequence[bytes]) -> npt.NDArray[np.float32]:
        return np.asarray(loaded.predict(pd.DataFrame({"image": list(pictures)})), dtype=np.float32)

    return embed


def folder(path: Path) -> Embed:
    """A model folder, or a model of open_clip.

    Raises:
        InputError: if there is no such model.
    """
    from components.models.encoder import load_encoder

    encoder = load_encoder(path)

    def embed(pictures: Sequence[bytes]) -> npt.NDArray[np.float32]:
        return encoder.images(np.stack([encoder.prepare(data) for data in pictures]))

    return embed
