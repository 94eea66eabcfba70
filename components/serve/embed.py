"""What turns pictures into embeddings for search: any model, read as all commands read it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.serve.search import Embed


def model_at(location: str) -> Embed:
    """The model that `find_model` finds at a location, `models:/NAME@ALIAS` of the registry, too.

    Raises:
        InputError: if there is no such model, or it would run code of its own.
        SetupError: if its weights cannot be downloaded.
    """
    from components.models.encoder import load_encoder
    from components.models.find import find_model

    encoder = load_encoder(find_model(location).local())

    def embed(pictures: Sequence[bytes]) -> npt.NDArray[np.float32]:
        return encoder.images(np.stack([encoder.prepare(data) for data in pictures]))

    return embed
