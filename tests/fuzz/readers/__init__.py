"""The readers by name, those that most strangers can reach first; each file has some."""

from importlib import import_module

from tests.fuzz.reader import Reader

_FILES = {
    "pages": ("page", "address", "srcset", "json_ld"),
    "pictures": ("picture", "svg"),
    "archives": ("warc", "wat", "body"),
    "lists": ("separated", "json_list", "parquet", "list_of_files"),
    "shards": ("tar", "adopted_tar", "sidecar", "shard_index"),
    "rules": ("robots", "headers"),
    "models": ("model_configs", "tokenizer", "model"),
    "knowledge": ("dump", "anchors", "gold"),
    "settings": ("params", "benchmark", "vocabulary", "notes"),
}
NAMES = tuple(name for names in _FILES.values() for name in names)


def reader(name: str) -> Reader:
    """The reader of that name; only its own file is imported, as torch takes its time."""
    file = next(file for file, names in _FILES.items() if name in names)
    found: Reader = import_module(f"{__name__}.{file}").READERS[name]
    return found
