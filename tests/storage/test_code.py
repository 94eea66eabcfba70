"""What counts as a change of code, and which modules a result depends on."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.storage.code import closure, code_mark
from tests import ROOT

CACHE = "components.pretrain.data.picture_cache"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code, to be changed."""
    folder = tmp_path_factory.mktemp("code")
    shutil.copytree(ROOT / "components", folder / "components", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def mark_in(folder: Path, module: str = CACHE) -> str:
    """The mark of a module in another copy of the project."""
    program = f"from components.storage.code import code_mark; print(code_mark({module!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def changed(folder: Path, file: str, old: str, new: str, module: str = CACHE) -> bool:
    """Whether a change of a file, which is taken back, changes the mark of a module."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        return mark_in(folder, module) != code_mark(module)
    finally:
        path.write_text(text, encoding="utf-8")


def test_equal_code_has_equal_marks_wherever_it_lies(copy: Path) -> None:
    assert mark_in(copy) == code_mark(CACHE)


def test_decoded_pictures_depend_on_the_code_that_resizes_them(copy: Path) -> None:
    """So `dvc repro --force` does not train on pixels that other code decoded."""
    assert changed(copy, "components/images/reduce.py", "4 / 3", "5 / 3")


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("components.label.label", "components/label/linking/link.py"),
        ("components.label.label", "components/shards/tar_reader.py"),
        ("components.curate.curate", "components/curate/filters/surplus.py"),
        ("components.crawl.crawl", "components/crawl/filters/language.py"),
        ("components.crawl.crawl", "components/crawl/sites/middleware.py"),
        ("components.pretrain.train", "components/pretrain/step/losses.py"),
        ("components.knowledge.build.build", "components/knowledge/build/item.py"),
    ],
)
def test_unfinished_work_depends_on_the_code_that_does_it(copy: Path, module: str, file: str) -> None:
    """So a stage that is resumed after a change of code does not mix what both made."""
    first = next(
        line for line in (ROOT / file).read_text(encoding="utf-8").splitlines() if line.startswith(("import", "from"))
    )
    assert changed(copy, file, first, f"{first}\nCHANGED = True", module)


def test_docstrings_comments_and_layout_do_not_count(copy: Path) -> None:
    assert not changed(copy, "components/images/reduce.py", '    """', '    """Other words. ')
    assert not changed(copy, "components/images/reduce.py", "\n\n\ndef ", "\n\n\n# A comment.\n\n\ndef ")


def test_other_code_does_not_count(copy: Path) -> None:
    assert not changed(copy, "components/costs/gpus.py", "import", "import os\nimport")


def test_lazy_imports_modules_found_by_name_and_programs_run_by_name_belong_to_the_closure() -> None:
    crawl = closure("components.crawl.crawl")
    assert "components.storage.s3" in crawl  # imported inside a function
    assert "components.crawl.sources.wat" in crawl  # found by its name
    assert "components.crawl.sites.spider" in crawl  # python -m
    assert "components.crawl.sites.middleware" in crawl  # imported by that program


def test_imports_for_type_checkers_do_not_belong_to_it() -> None:
    assert "components.storage.s3" not in closure("components.storage.atomic")


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"components\.nothing is not a module below"):
        closure("components.nothing")
