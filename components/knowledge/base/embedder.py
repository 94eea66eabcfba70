"""Text embeddings without a pretrained model: TF-IDF over words and prefixes, then a truncated SVD.

Entities ("name, aliases, description, names of its classes") and running text share the space, so
their cosine measures how related they are (MOFI paper, text disambiguation).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from components.errors import InputError
from components.knowledge.base.format import FIX
from components.knowledge.base.names import normalise
from components.storage.arrays import save_array
from components.storage.foreign.tables import read_array

FEATURES = 2**18
_PIECE = 4
_BATCH = 20_000

Vectors = npt.NDArray[np.float32]


def _tokens(text: str) -> list[str]:
    """Words and, because of inflections, the prefixes of longer words."""
    words = normalise(text).split()
    return [*words, *(f"{word[: _PIECE + 1]}~" for word in words if len(word) > _PIECE)]


def _vectorizer() -> HashingVectorizer:
    return HashingVectorizer(n_features=FEATURES, analyzer=_tokens, alternate_sign=False, norm=None, dtype=np.float32)


@dataclass(frozen=True)
class TextEmbedder:
    """`idf` float32 [features], `projection` float32 [features, d]."""

    idf: Vectors
    projection: Vectors

    @classmethod
    def fit(cls, texts: Sequence[str], size: int, seed: int) -> "TextEmbedder":
        """Learns idf weights and a projection to at most `size` dimensions from a sample."""
        counts = _vectorizer().transform(texts)
        present = np.asarray((counts > 0).sum(axis=0)).ravel()
        idf = np.log((1 + len(texts)) / (1 + present)).astype(np.float32) + 1
        weighted = _weigh(counts, idf)
        used = np.flatnonzero(present)
        size = max(1, min(size, len(texts) - 1, len(used) - 1))
        projection = np.zeros((FEATURES, size), dtype=np.float32)
        if len(used):
            # One thread: sums that are split among threads differ in their last bits.
            with threadpool_limits(1):
                _, _, right = randomized_svd(weighted[:, used], n_components=size, random_state=seed, n_iter=4)
            projection[used] = right.T
        return cls(idf, projection)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 [n, d], L2-normalised; a text without a known word is zero."""
        if not texts:
            return np.zeros((0, self.projection.shape[1]), dtype=np.float32)
        dense = np.asarray(_weigh(_vectorizer().transform(texts), self.idf) @ self.projection, dtype=np.float32)
        return normalised(dense)

    def embed_all(self, texts: Iterable[str], out: npt.NDArray[Any]) -> None:
        """Fills `out` [n, d] batch by batch, so that memory does not grow with n."""
        batch: list[str] = []
        position = 0
        for text in texts:
            batch.append(text)
            if len(batch) == _BATCH:
                out[position : position + len(batch)] = self.embed(batch)
                position += len(batch)
                batch = []
        out[position : position + len(batch)] = self.embed(batch)

    def save(self, folder: Path) -> None:
        """Writes the rows in use, so that the files stay small."""
        used = np.flatnonzero(np.abs(self.projection).sum(axis=1)).astype(np.int32)
        save_array(folder / "embedder_rows.npy", used)
        save_array(folder / "embedder_idf.npy", self.idf)
        save_array(folder / "embedder_projection.npy", self.projection[used])
        (folder / "embedder.json").write_text(
            json.dumps({"features": FEATURES, "size": self.projection.shape[1]}) + "\n"
        )

    @classmethod
    def load(cls, folder: Path) -> "TextEmbedder":
        """Loads what `save` wrote.

        Raises:
            InputError: if a file is missing or damaged, or they do not fit together.
        """
        used = read_array(folder / "embedder_rows.npy", "iu", 1, FIX)
        kept = read_array(folder / "embedder_projection.npy", "f", 2, FIX)
        idf = read_array(folder / "embedder_idf.npy", "f", 1, FIX)
        inside = not len(used) or 0 <= int(used.min()) <= int(used.max()) < FEATURES
        if len(used) != len(kept) or len(idf) != FEATURES or not inside:
            raise InputError(f"the files embedder_*.npy of {folder} do not belong together; {FIX}")
        projection = np.zeros((FEATURES, kept.shape[1]), dtype=np.float32)
        projection[used] = kept
        return cls(idf, projection)


def normalised(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-8), dtype=np.float32)


def _weigh(counts: sparse.csr_matrix, idf: Vectors) -> sparse.csr_matrix:
    """Sub-linear term frequency times idf, rows of length 1."""
    weighted = counts.copy()
    weighted.data = (1 + np.log(weighted.data)) * idf[weighted.indices]
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sparse.diags(scale.astype(np.float32)) @ weighted
