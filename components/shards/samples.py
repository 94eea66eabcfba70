"""A tar's files → samples: which picture has which text, and what belongs to no sample.

The key of a file is its name, folders included, without the ending. Two rules say where the ending
begins, and each is right for some tars:

- WebDataset's: at the first dot of the file's name. `7.jpg`, `7.txt` and the mask `7.seg.png` are
  one sample, 7.
- A file system's: at the last dot. `v1.0.jpg` and `v1.0.txt` are the sample v1.0.

They differ only for names with several dots. Consecutive files with one name up to the first dot
are a *run*, and a run decides: a picture with a text of its own (`v1.0.jpg`, `v1.0.txt`) is a
sample of its own. One without belongs to the run's plain picture (`7.jpg`) if it has one, or else
to its plain text (`7.txt`). In a run without either, every picture is a sample.
"""

import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from components.shards.format import EXTENSIONS
from components.shards.tar_reader import GAP

# Where bytes lie in a tar: offset and size.
Place = tuple[int, int]
Parts = dict[str, Place]

NO_PICTURE, NO_EXTENSION, HIDDEN = "no_picture", "no_extension", "hidden_file"
PART_OF_SAMPLE, SECOND_PICTURE, CUT_OFF, TOO_LARGE = "part_of_sample", "second_picture", "cut_off", "too_large"
DAMAGED_PART = "damaged_part"

# What is read of a sample, by ending.
_TEXTS = frozenset(("txt", "json"))
_READ = _TEXTS.union(EXTENSIONS)
# Names that a run is decided over; of more, the first ones are decided by what they have.
_WINDOW = 64


def split_name(member: str) -> tuple[str, str, str] | str:
    """A file's name → up to the first dot, up to the last one, and the ending in lower case.

    A leading `./`, as `tar c .` writes it, belongs to no key. What can be part of no sample gives
    the reason instead: `hidden_file`, or `no_extension`.
    """
    while member.startswith("./"):
        member = member[2:].lstrip("/")
    begin = member.rfind("/") + 1
    first = member.find(".", begin)
    if first == begin:
        return HIDDEN
    last = member.rfind(".", begin)
    if first < 0 or last == len(member) - 1:
        return NO_EXTENSION
    return member[:first], member[:last], member[last + 1 :].lower()


class Sample(NamedTuple):
    """A picture's key and ending, and where it and its texts lie, by ending."""

    key: str
    extension: str
    parts: Parts


def samples(files: Iterable[tuple[str, int, int]], refused: Counter[str], largest: int) -> Iterator[Sample]:
    """The samples of a tar, in order.

    Every file that is a picture by its ending is in a sample or counted in `refused`, as is every
    sample without a picture. At a gap, the runs before and behind it may lack files, and are left
    out: what remains of them might go together wrongly.

    Args:
        files: name, offset and size of each, in the order of the tar; or of a gap (`GAP`).
        refused: counts what is left out, by reason.
        largest: size of the largest picture that is read, bytes.
    """
    run = _Run("", refused, largest)
    base: str | None = None
    plain, behind_gap = run.plain, False
    try:
        for name, offset, size in files:
            stem, _, ending = name.rpartition(".")
            if stem == base and ending in _READ and ending not in plain:
                plain[ending] = offset, size
                continue
            if name == GAP:
                run.cut_off()
                refused[DAMAGED_PART] += 1
                base, run = None, _Run("", refused, largest)
                plain, behind_gap = run.plain, True
                continue
            split = split_name(name)
            if isinstance(split, str):
                refused[split] += 1
                continue
            if split[0] != base:
                yield from run.end()
                run = _Run(split[0], refused, largest, whole=base is not None or not behind_gap)
                base = split[0]
            yield from run.add(split[1], split[2], (offset, size))
            plain = run.plain
    except (tarfile.TarError, OSError):
        run.cut_off()
        raise
    yield from run.end()


class _Run:
    """Consecutive files with one name (`base`) up to the first dot.

    Attributes:
        plain: parts of the sample of that name, by ending; more may be added.
    """

    __slots__ = ("_base", "_found", "_largest", "_longer", "_refused", "_whole", "plain")

    def __init__(self, base: str, refused: Counter[str], largest: int, *, whole: bool = True) -> None:
        """Makes a run; one that is not `whole` may lack its first files, and gives no sample."""
        self._base, self._refused, self._largest, self._whole = base, refused, largest, whole
        self.plain: Parts = {}
        self._longer: dict[str, Parts] = {}  # by name up to the last dot
        self._found = not base  # whether the plain picture, or nothing to be missed, is done with

    def add(self, stem: str, ending: str, place: Place) -> Sequence[Sample]:
        """Adds a file; returns what is thereby complete."""
        if ending not in _READ:
            return ()
        if stem == self._base:
            complete: Sequence[Sample] = ()
            if ending in self.plain:  # another sample of this key
                complete, self.plain = self._sample(stem, self.plain), {}
                self._found |= bool(complete)
            self.plain[ending] = place
            return complete
        if ending in self._longer.get(stem, ()):
            complete = self._decided(stem)
            self._longer[stem] = {ending: place}
            return complete
        self._longer.setdefault(stem, {})[ending] = place
        return self._decided(next(iter(self._longer))) if len(self._longer) > _WINDOW else ()

    def end(self) -> Sequence[Sample]:
        """What is complete when the run ends."""
        if not self._longer:
            return self._sample(self._base, self.plain) if self.plain or not self._found else ()
        if self.plain and not self._has_plain_picture():
            self._lend()
        found = list(self._sample(self._base, self.plain)) if self.plain else []
        self._found |= bool(found)
        for stem in list(self._longer):
            found += self._decided(stem)
        return found

    def cut_off(self) -> None:
        """The tar breaks off: what was begun may lack its text."""
        self._refuse(CUT_OFF, sum(map(_pictures, (self.plain, *self._longer.values()))))

    def _has_plain_picture(self) -> bool:
        return self._found or _pictures(self.plain) > 0

    def _lend(self) -> None:
        """The first picture without a text of its own goes with the plain text."""
        for stem, parts in self._longer.items():
            if _pictures(parts) and parts.keys().isdisjoint(_TEXTS):
                self.plain |= self._longer.pop(stem)
                return

    def _decided(self, stem: str) -> Sequence[Sample]:
        """Takes out a longer name: a sample, or a part of the plain one."""
        parts = self._longer.pop(stem)
        pictures = _pictures(parts)
        if self._has_plain_picture() and (not pictures or parts.keys().isdisjoint(_TEXTS)):
            self._refuse(PART_OF_SAMPLE, pictures)
            return ()
        return self._sample(stem, parts)

    def _sample(self, key: str, parts: Parts) -> Sequence[Sample]:
        """A sample; or nothing, and why is counted."""
        pictures = _pictures(parts)
        if pictures != 1:
            self._refuse(*((SECOND_PICTURE, pictures - 1) if pictures else (NO_PICTURE, 1)))
        extension = next((e for e in EXTENSIONS if e in parts), None)
        if extension is None:
            return ()
        if parts[extension][1] > self._largest:
            self._refuse(TOO_LARGE, 1)
            return ()
        if not self._whole:
            self._refuse(CUT_OFF, 1)
            return ()
        return (Sample(key, extension, parts),)

    def _refuse(self, reason: str, number: int) -> None:
        if number:
            self._refused[reason] += number


def _pictures(parts: Parts) -> int:
    return len(parts) - ("txt" in parts) - ("json" in parts)
