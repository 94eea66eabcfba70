"""A file in a seam's folder is found by its name and used, as in docs/extending.md."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from components.crawl.pair import Pair
from components.crawl.pair_filters import keep, pair_filters
from components.crawl.source_files import find_files
from components.curate.vocabulary import picture_filters, settle
from components.errors import InputError
from components.evaluate.benchmark import Benchmark
from components.evaluate.measure import measure
from components.evaluate.parameters import EvaluateParameters
from components.pretrain.recipe import make_recipe
from components.pretrain.recipes import Features
from components.seam import find, find_all, names_in
from tests import ROOT
from tests.crawl.conftest import knobs
from tests.curate.test_vocabulary import columns

SEAMS = {
    "crawl.sources": {"img2dataset", "urls", "warc", "wat"},
    "crawl.filters": {
        "address",
        "boilerplate",
        "duplicate_address",
        "file_name",
        "language",
        "says_nothing",
        "too_short",
    },
    "curate.filters": {"both_splits", "rare_entities", "surplus"},
    "evaluate.tasks": {"knn", "labels", "planted", "retrieval"},
    "pretrain.recipes": {"clip", "contrastive", "multitask", "supervised"},
}
EXAMPLES = {
    Path(path): code
    for code, path in re.findall(
        r"```python\n(# (\S+)\n.*?)```", (ROOT / "docs/extending.md").read_text(encoding="utf-8"), re.DOTALL
    )
}


@pytest.fixture(autouse=True)
def extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The packages of all seams, each with the documentation's example in a folder next to it."""
    added = []
    for path, code in EXAMPLES.items():
        folder = tmp_path / path.parent
        folder.mkdir(parents=True)
        (folder / path.name).write_text(code, encoding="utf-8")
        package = import_module(".".join(path.parent.parts))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        added.append((package, path.stem))
    yield
    for package, name in added:
        sys.modules.pop(f"{package.__name__}.{name}", None)
        vars(package).pop(name, None)


def package(seam: str) -> ModuleType:
    return import_module(f"components.{seam}")


@pytest.mark.parametrize("seam", SEAMS)
def test_a_seam_holds_its_files_and_the_documented_example(seam: str) -> None:
    (example,) = (path.stem for path in EXAMPLES if ".".join(path.parent.parts) == f"components.{seam}")
    assert set(names_in(package(seam))) == SEAMS[seam] | {example}


@pytest.mark.parametrize("seam", SEAMS)
def test_listing_the_names_imports_no_file(seam: str) -> None:
    before = set(sys.modules)
    names_in(package(seam))
    assert set(sys.modules) == before


def test_a_new_source_is_read_by_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_bytes(b"http://a.example/1.png\ta crab\nnonsense\n")
    (file,) = find_files([f"lines:{path}"])
    source: Any = file.source
    with path.open("rb") as stream:
        pair, unreadable = source.read(stream, file.location, knobs(), Counter())
    assert (pair, str(unreadable)) == (Pair("http://a.example/1.png", "a crab"), "line 2: no tab")


def test_the_error_for_an_unknown_kind_lists_a_new_source() -> None:
    with pytest.raises(InputError, match="KIND one of img2dataset, lines, urls, warc, wat"):
        find_files(["tar:x.tar"])


def test_the_help_lists_the_kinds_without_importing_what_reads_them() -> None:
    code = (
        "import sys, typing; from components.cli.commands.crawl import crawl\n"
        "print(typing.get_type_hints(crawl, include_extras=True)['source'].__metadata__[0].help)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    shown, loaded = done.stdout.splitlines()
    assert "KIND is one of img2dataset, urls, warc, wat" in shown
    assert not {"pyarrow", "fastwarc", "pydantic", "msgspec"} & set(loaded.split())


def test_a_new_filter_of_pairs_drops_them_by_its_name() -> None:
    counts: Counter[str] = Counter({"pairs.found": 2})
    pairs = [Pair("http://a.example/1.png", "BUY A CRAB"), Pair("http://a.example/2.png", "a crab")]
    assert list(keep(pairs, pair_filters(knobs()), counts)) == pairs[1:]
    assert counts == {"pairs.found": 1, "pairs.dropped.shouting": 1}


def test_filters_are_asked_in_their_order() -> None:
    asked = pair_filters(knobs(languages=["en"]))
    assert list(asked) == ["too_short", "file_name", "address", "says_nothing", "shouting", "language"]
    assert list(picture_filters()) == ["crowded", "rare_entities", "both_splits", "surplus"]


def test_a_new_filter_of_pictures_drops_them_by_its_name() -> None:
    from components.curate.parameters import CurateParameters

    parameters = CurateParameters(seed=1, min_images=1, max_images=0, validation_share=0, shard_size=10)
    settled = settle(columns([[1, 2, 3, 4], [1]]), parameters)
    assert settled.pictures.row.tolist() == [1]
    assert settled.dropped_pictures["crowded"] == 1


def test_a_new_recipe_is_trained_by_its_name() -> None:
    from components.cli.parameters import load

    recipe = make_recipe("shrink", load(ROOT / "params.yaml").pretrain)
    assert (recipe.name, recipe.uses_classes) == ("shrink", False)
    assert recipe.losses(Features(torch.ones(3, 2))) == {"variance": 0}


def test_a_new_task_measures_every_model() -> None:
    four = np.arange(4)
    benchmark = Benchmark(Path(), tuple("abcd"), four // 2, four, ("x",) * 4, ("y",) * 4, ("emoji:z",) * 4)
    parameters = EvaluateParameters(
        seed=1, knn_neighbours=1, knn_temperature=0.1, examples=1, top=1, map_pictures=10, map_perplexity=2
    )
    found = measure(np.ones((4, 2), np.float32), benchmark, parameters)
    assert list(found) == ["knn", "retrieval", "spread"]
    assert found["spread"] == {"variance": 0}


@pytest.mark.parametrize(
    ("code", "found"), [("", "none"), ("class A(int): ...\nclass B(int): ...\nfrom decimal import Decimal", "A, B")]
)
def test_a_file_holds_one_class_of_the_seam(code: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(code, encoding="utf-8")
    empty = ModuleType("empty_seam")
    empty.__path__ = [str(tmp_path)]
    sys.modules["empty_seam"] = empty
    try:
        with pytest.raises(TypeError, match=rf"wrong.py must hold one subclass of int, but holds {found}"):
            find(empty, "wrong", int)
    finally:
        for name in ("empty_seam", "empty_seam.wrong"):
            sys.modules.pop(name, None)


def test_an_empty_seam_finds_nothing() -> None:
    empty = ModuleType("empty_seam")
    empty.__path__ = []
    assert find_all(empty, int) == {}
