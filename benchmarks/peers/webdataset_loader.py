"""webdataset over shards, set up as in open_clip's trainer; each input line starts a turn.

Arguments: folder of webdataset, folder of shards, side of the pictures in px, batch, processes,
    batches per turn. It prints the pictures/s of each turn.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image

_BUFFER, _INITIAL = (
    5000,
    1000,
)  # open_clip's shuffle buffer, and its initial fill


def square(image: Image.Image, size: int) -> torch.Tensor:
    """The centre square, resized as in `components.images.decode.decode`."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return torch.from_numpy(np.array(image.resize((size, size), Image.Resampling.BICUBIC, box=box)))


class Preprocess:
    """Samples → picture and text."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, sample: dict[str, Any]) -> tuple[torch.Tensor, str]:
        """One sample."""
        return square(sample["image"], self._size), sample["text"]


def batches(web: Any, folder: Path, size: int, batch: int, processes: int) -> Iterator[Any]:
    """Endless batches: shards are sampled with replacement, an option of open_clip's trainer."""
    tars = [str(path) for path in sorted(folder.glob("*.tar"))]
    pipeline = web.DataPipeline(
        web.ResampledShards(tars),
        web.tarfile_to_samples(),
        web.shuffle(bufsize=_BUFFER, initial=_INITIAL),
        web.decode("pilrgb"),
        web.rename(image="jpg;png;jpeg;webp", text="txt"),
        web.map(Preprocess(size)),
        web.batched(batch, partial=False),
    )
    return iter(web.WebLoader(pipeline, batch_size=None, num_workers=processes))


def main() -> None:
    """Runs turns until standard input closes."""
    packages, folder, *numbers = sys.argv[1:]
    size, batch, processes, count = map(int, numbers)
    sys.path.append(packages)  # after this project's packages, whose torch it uses
    import webdataset

    torch.set_num_threads(1)
    made = batches(webdataset, Path(folder), size, batch, processes)
    for _ in range(2 * max(1, processes)):
        next(made)
    print("ready", flush=True)
    for _ in sys.stdin:
        start = perf_counter()
        for _ in range(count):
            next(made)
        print(count * batch / (perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
