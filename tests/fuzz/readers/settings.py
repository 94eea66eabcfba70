"""Parameter files, benchmarks and vocabularies of users; notes that a killed run left."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from components.cli.parameters import load
from components.errors import InputError, ParameterError
from components.evaluate.benchmark import read_benchmark
from components.pretrain.checkpoints.manifest import Manifest
from components.pretrain.data.vocabulary import read_vocabulary
from components.storage.json_files import read_json
from components.storage.work import NOTE, unfinished
from tests import ROOT
from tests.fuzz import table_seeds
from tests.fuzz.change import GENERAL, multiply, recoded
from tests.fuzz.reader import Reader, folder_of


def read_parameters(data: bytes) -> Iterable[str]:
    """A parameter file, which may extend the repository's → parameters."""
    folder = folder_of(params__yaml=data, base__yaml=(ROOT / "params.yaml").read_bytes())
    try:
        load(folder / "params.yaml").model_dump_json()
    except ParameterError as error:
        assert "params.yaml" in str(error), error
        return ["refused"]
    return ["parameters"]


def read_benchmark_index(data: bytes) -> Iterable[str]:
    """The index of a benchmark → files below its folder."""
    folder = folder_of(images__parquet=data)
    try:
        benchmark = read_benchmark(folder)
    except InputError as error:
        assert "images.parquet" in str(error), error
        return ["unreadable"]
    number = len(benchmark)
    columns = (benchmark.domains, benchmark.art_sets, benchmark.concepts, benchmark.categories, benchmark.foundries)
    assert all(len(column) == number for column in columns)
    assert all(isinstance(text, str) for texts in columns[:3] for text in texts)
    assert len(benchmark.kinds) == number
    return ["benchmark"]


def read_vocabulary_table(data: bytes) -> Iterable[str]:
    """A vocabulary → the training entities."""
    folder = folder_of(vocabulary__parquet=data)
    try:
        vocabulary = read_vocabulary(folder / "vocabulary.parquet")
    except InputError as error:
        assert "vocabulary.parquet" in str(error), error
        return ["unreadable"]
    assert len(vocabulary) == len(set(vocabulary.entity_ids)) > 0
    return ["entities"]


def read_notes(data: bytes) -> Iterable[str]:
    """JSON in each place where a kill or a full disk may leave half of it."""
    outcomes = []
    with TemporaryDirectory() as folder:
        note = Path(folder) / "stage" / "mark" / NOTE
        note.parent.mkdir(parents=True)
        note.write_bytes(data)
        assert [one.folder for one in unfinished(Path(folder))] == [note.parent]
        try:
            read_json(note)
            outcomes.append("json")
        except InputError as error:
            assert NOTE in str(error), error
            outcomes.append("no json")
    try:
        Manifest.from_json(data.decode())
        outcomes.append("manifest")
    except ValueError:
        outcomes.append("no manifest")
    return outcomes


READERS = {
    "params": Reader(read_parameters, table_seeds.parameters, (*GENERAL, multiply, recoded)),
    "benchmark": Reader(read_benchmark_index, table_seeds.benchmarks),
    "vocabulary": Reader(read_vocabulary_table, table_seeds.vocabularies),
    "notes": Reader(read_notes, table_seeds.notes, (*GENERAL, multiply)),
}
