"""Labels of another knowledge base, or none at all, are never taken for evidence."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.cli.main import app
from components.errors import InputError
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.crawl_statistics import MADE_FROM, check_made_from, read_crawl_statistics
from tests.label.conftest import ITEMS, Parameters, build_base, write_statistics
from tests.label.gold.test_file import entry, label, write


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base that lacks the first item, so that all rows mean other entities."""
    return build_base(tmp_path_factory.mktemp("other"), ITEMS[1:])


@pytest.fixture
def labels(tmp_path: Path, knowledge: Path) -> Path:
    return write_statistics(tmp_path / "labels", knowledge, Counter({7: 5}))


def test_what_the_own_base_taught_is_read(
    labels: Path, knowledge: Path, base: KnowledgeBase, knobs: Parameters
) -> None:
    statistics = read_crawl_statistics(labels, knowledge, knobs())
    rows = [row for row in (base.row_of("Q7"), base.row_of("Q8")) if row is not None]
    assert statistics.named.pictures(base.numbers(rows)).tolist() == [5, 0]


def test_a_copy_of_the_base_is_the_same_base(labels: Path, knowledge: Path, tmp_path: Path) -> None:
    check_made_from(labels, Path(shutil.copytree(knowledge, tmp_path / "copy")))


def test_labels_of_another_base_are_refused_in_one_sentence(labels: Path, other: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"labels is from another knowledge base \(fingerprint \w{12}\) than .*--labels, .*--no-labels$",
    ):
        check_made_from(labels, other)


def test_labels_that_are_not_there_are_refused(tmp_path: Path, knowledge: Path) -> None:
    with pytest.raises(InputError, match="nowhere is not there; name finished labels with --labels"):
        check_made_from(tmp_path / "nowhere", knowledge)


def test_labels_that_do_not_say_which_base_they_are_from_are_refused(labels: Path, knowledge: Path) -> None:
    (labels / MADE_FROM).unlink()
    with pytest.raises(InputError, match=r"labels has no made_from\.json.*run `mofi label run` again"):
        check_made_from(labels, knowledge)


@pytest.mark.parametrize("content", ["[]", "{}", '{"knowledge": null}'])
def test_a_record_that_says_nothing_fits_no_base(labels: Path, knowledge: Path, content: str) -> None:
    (labels / MADE_FROM).write_text(content)
    with pytest.raises(InputError, match="is from another knowledge base"):
        check_made_from(labels, knowledge)


@pytest.mark.parametrize("name", ["cases.json", "named.npy"])
def test_a_file_that_is_missing_is_named(labels: Path, knowledge: Path, knobs: Parameters, name: str) -> None:
    (labels / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        read_crawl_statistics(labels, knowledge, knobs())


@pytest.fixture(params=["explain", "evaluate", "fit"])
def command(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each command that links with what a crawl taught, in a folder with nothing but parameters."""
    shutil.copy("params.yaml", tmp_path)
    gold = write(tmp_path, *(entry(f"a crab, number {n}", [label(2, 6)]) for n in range(9)))
    monkeypatch.chdir(tmp_path)
    given = "a crab" if request.param == "explain" else str(gold)
    return ["label", request.param, given]


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, [str(argument) for argument in arguments])


def failed(result: Result, sentence: str) -> bool:
    return result.exit_code != 0 and isinstance(result.exception, InputError) and sentence in str(result.exception)


def test_labels_that_are_named_must_be_there(command: list[str], knowledge: Path) -> None:
    result = run(*command, "--knowledge", knowledge, "--labels", "nowhere")
    assert failed(result, "nowhere is not there")


def test_labels_that_are_named_must_be_of_the_base(command: list[str], other: Path, labels: Path) -> None:
    assert failed(run(*command, "--knowledge", other, "--labels", labels), "from another knowledge base")


def test_labels_in_the_usual_place_must_be_of_the_base(command: list[str], other: Path, knowledge: Path) -> None:
    Path("data").mkdir()
    write_statistics(Path("data/labels"), knowledge, Counter())
    assert failed(run(*command, "--knowledge", other), "data/labels is from another knowledge base")
    assert not isinstance(run(*command, "--knowledge", other, "--no-labels").exception, InputError)


def test_it_is_said_that_there_are_no_labels(command: list[str], knowledge: Path) -> None:
    said = "data/labels is not there, so this is linked without what a crawl teaches"
    assert said in run(*command, "--knowledge", knowledge).output
    assert said not in run(*command, "--knowledge", knowledge, "--no-labels").output


def test_labels_and_no_labels_contradict_each_other(command: list[str], knowledge: Path, labels: Path) -> None:
    result = run(*command, "--knowledge", knowledge, "--labels", labels, "--no-labels")
    assert failed(result, "contradict each other")
