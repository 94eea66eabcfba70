"""Tars as other programs write them, by chance: what is in them, and what readers must find."""

import io
import random
import tarfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

File = tuple[str, bytes]


@dataclass
class Tar:
    """What was written.

    Attributes:
        path: the tar.
        samples: key, picture and caption of each, in order.
        refused: how often each reason must be counted.
    """

    path: Path
    samples: list[tuple[str, bytes, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def first(self) -> dict[str, bytes]:
        """The first picture of each key."""
        return {key: image for key, image, _ in reversed(self.samples)}


def write_foreign(path: Path, drawn: random.Random, picture: Callable[[random.Random], bytes] | None = None) -> Tar:
    """A tar of some samples and of what is none, in a random dialect; `picture` draws pictures."""
    made, draw = Tar(path), picture or (lambda drawn: drawn.randbytes(drawn.randrange(1, 2000)))
    kinds = [_plain, _plain, _dotted, _masked, _two_forms, _text_only, _hidden, _nameless, _link, _special, _sparse]
    dialect = drawn.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(path, "w", format=dialect) as tar:
        if drawn.random() < 0.5:
            info = tarfile.TarInfo("folder")
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for number in range(drawn.randrange(4, 14)):
            kind = drawn.choice(kinds)
            folder = drawn.choice(["", "", "./", "a/", "a.b/c/", "long" * 30 + "/"])
            stem = (
                f"{folder}{drawn.choice(['', 'x', 'naß '] if dialect != tarfile.USTAR_FORMAT else ['', 'x'])}{number}"
            )
            kind(tar, made, drawn, stem, draw(drawn))
        if made.samples and drawn.random() < 0.3:  # the first key once more
            key, _, _ = made.samples[0]
            _sample(tar, made, key, "jpg", draw(drawn), "again")
    return made


def _sample(tar: tarfile.TarFile, made: Tar, stem: str, ending: str, image: bytes, text: str | None) -> None:
    _add(tar, f"{stem}.{ending}", image)
    if text is not None:
        _add(tar, f"{stem}.txt", text.encode())
    made.samples.append((stem.removeprefix("./"), image, text or ""))


def _plain(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    ending = drawn.choice(["jpg", "JPG", "png", "gif", "jpeg", "webp"])
    _sample(tar, made, stem, ending, image, drawn.choice([None, "a crab", "ein Krebs, naß"]))


def _dotted(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    for n in range(drawn.randrange(1, 4)):
        _sample(tar, made, f"{stem}.{n}", "jpg", image + bytes([n]), f"version {n}")


def _masked(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    names = ["seg.png", "depth.png"][: drawn.randrange(1, 3)]
    before = drawn.random() < 0.5
    for name in names if before else []:
        _add(tar, f"{stem}.{name}", b"mask")
    _sample(tar, made, stem, "jpg", image, "masked")
    for name in [] if before else names:
        _add(tar, f"{stem}.{name}", b"mask")
    made.refused["part_of_sample"] += len(names)


def _two_forms(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    _add(tar, f"{stem}.webp", b"other")
    _sample(tar, made, stem, "png", image, None)
    made.refused["second_picture"] += 1


def _text_only(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    for ending in drawn.choice([["txt"], ["txt", "json"], ["cls"], ["npy", "txt"]]):
        _add(tar, f"{stem}.{ending}", b"{}")
    made.refused["no_picture"] += 1


def _hidden(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    folder, slash, name = stem.rpartition("/")
    _add(tar, f"{folder}{slash}._{name}.jpg", image)
    made.refused["hidden_file"] += 1


def _nameless(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    _add(tar, stem, image)
    made.refused["no_extension"] += 1


def _link(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    info = tarfile.TarInfo(f"{stem}.jpg")
    info.type, info.linkname = drawn.choice([tarfile.SYMTYPE, tarfile.LNKTYPE]), "0.jpg"
    tar.addfile(info)
    made.refused["tar_link"] += 1


def _special(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    info = tarfile.TarInfo(f"{stem}.jpg")
    info.type = drawn.choice([tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
    tar.addfile(info)
    made.refused["tar_special"] += 1


def _sparse(tar: tarfile.TarFile, made: Tar, drawn: random.Random, stem: str, image: bytes) -> None:
    info = tarfile.TarInfo(f"sparse{len(stem)}.jpg")
    info.type = tarfile.GNUTYPE_SPARSE
    assert tar.fileobj is not None
    header = info.tobuf(tarfile.GNU_FORMAT)
    tar.fileobj.write(header)
    tar.offset += len(header)
    made.refused["tar_sparse"] += 1


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
