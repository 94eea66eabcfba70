"""Lists of pictures, in each format, packed or not; and lists of files."""

from collections.abc import Callable, Iterable
from functools import partial

from components.crawl.hosts.listed_files import check_listed
from components.crawl.sources.urls import Urls
from components.errors import InputError
from components.storage.location import expand
from tests.fuzz import seeds
from tests.fuzz.change import GENERAL, multiply, recoded
from tests.fuzz.reader import Reader, chance_of, folder_of
from tests.fuzz.readers.archives import read_source

_CHANGES = (*GENERAL, multiply, recoded)


def read_list(names: tuple[str, ...], data: bytes) -> Iterable[str]:
    """A list → pairs, rows that cannot be read, or an error that names the list."""
    name = chance_of(data).choice(names)
    try:
        return read_source(Urls, name, data)
    except InputError as error:  # without the columns, or without any pair
        assert name in str(error), error
        return ["read", "unreadable"]


def read_list_of_files(data: bytes) -> Iterable[str]:
    """A list of files → locations that may be opened."""
    path = folder_of(list__txt=data) / "list.txt"
    try:
        found = expand(f"@{path}")
        for one in found:
            check_listed(one, ())
    except InputError as error:
        assert "list" in str(error), error
        return ["refused"]
    assert all("::" not in one and one.isprintable() for one in found)
    return ["files"]


def _of(*kinds: str) -> Callable[[], list[bytes]]:
    return lambda: [seed for kind in kinds for seed in seeds.lists()[kind]]


READERS = {
    "separated": Reader(
        partial(read_list, ("list.csv", "list.tsv")), _of("csv", "tsv", "csv.bz2", "tsv.xz", "csv.zst"), _CHANGES
    ),
    "json_list": Reader(partial(read_list, ("list.json", "list.jsonl")), _of("json", "jsonl", "jsonl.gz"), _CHANGES),
    "parquet": Reader(partial(read_list, ("list.parquet",)), _of("parquet")),
    "list_of_files": Reader(read_list_of_files, seeds.lists_of_files, _CHANGES),
}
