"""What turns pictures into embeddings for search: the registry's champion, or another model."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.serve.search import Embed


def registered(uri: str) -> Embed:
    """The registry's `models:/NAME@ALIAS` or `models:/NAME/VERSION`, loaded through MLflow.

    Raises:
        InputError: if there is none.
    """
    import pandas as pd

    from components.registry import model

    loaded = model.load(uri)

    def embed(pictures: Sequence[bytes]) -> npt.NDArray[np.float32]:
        return np.asarray(loaded.predict(pd.DataFrame({"image": list(pictures)})), dtype=np.float32)

    return embed


def model_at(location: str) -> Embed:
    """The model that `find_model` finds at a location.

    Raises:
        InputError: if there is no such model.
        SetupError: if its weights cannot be downloaded.
    """
    from components.models.encoder import load_encoder
    from components.models.find import find_model

    encoder = load_encoder(find_model(location).local())

    def embed(pictures: Sequence[bytes]) -> npt.NDArray[np.float32]:
        return encoder.images(np.stack([encoder.prepare(data) for data in pictures]))

    return embed
