"""The parameter file: one schema, and messages that name file, key, value and meaning."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import annotated_types
import pytest
import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from components.cli import parameters
from components.cli.parameters import Parameters
from components.errors import ParameterError
from components.section import Section
from tests import ROOT

OWN = ROOT / "params.yaml"
CONTENT: dict[str, Any] = yaml.safe_load(OWN.read_text(encoding="utf-8"))


def leaves(section: type[Section], keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from leaves(field.annotation, (*keys, name))
        else:
            yield (*keys, name), field


LEAVES = dict(leaves(Parameters))


def beyond(field: FieldInfo) -> Iterator[float]:
    """Numbers just outside a field's range."""
    for limit in field.metadata:
        match limit:
            case annotated_types.Ge(ge=least):
                yield least - 1
            case annotated_types.Gt(gt=bound) | annotated_types.Lt(lt=bound):
                yield bound
            case annotated_types.Le(le=largest):
                yield largest + 1


BEYOND = [(keys, value) for keys, field in LEAVES.items() for value in beyond(field)]


def changed(keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    content = copy.deepcopy(CONTENT)
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return content


def message(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        parameters.load(path)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "knobs.yaml"


# The repository's own file


def test_the_repositorys_own_file_is_valid() -> None:
    assert parameters.load(OWN).sample.port == CONTENT["sample"]["port"]


def test_a_section_cannot_be_changed_after_it_is_loaded() -> None:
    with pytest.raises(ValidationError):
        parameters.load(OWN).sample.port = 1  # type: ignore[misc]


def test_every_knob_stands_in_the_file() -> None:
    def paths(content: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if isinstance(content, dict):
            for key, value in content.items():
                yield from paths(value, (*keys, key))
        else:
            yield keys

    assert set(paths(CONTENT)) == set(LEAVES)


def test_every_line_of_the_file_that_sets_something_says_what_it_is() -> None:
    sets = re.compile(r"\s*(- \S|\w+: *[^\s#])")
    lines = [line for line in OWN.read_text(encoding="utf-8").splitlines() if sets.match(line)]
    assert len(lines) >= len(LEAVES) - 5
    assert [line for line in lines if not re.search(r"\s# \S", line)] == []


@pytest.mark.parametrize("keys", LEAVES, ids=".".join)
def test_every_field_has_a_description(keys: tuple[str, ...]) -> None:
    assert len(LEAVES[keys].description or "") > 8


# Wrong values


@pytest.mark.parametrize(("keys", "value"), BEYOND, ids=[f"{'.'.join(keys)}={value}" for keys, value in BEYOND])
def test_a_value_out_of_range_is_named_with_file_key_value_and_meaning(
    file: Path, keys: tuple[str, ...], value: float
) -> None:
    said = message(file, changed(keys, value))
    assert f"{file}: {'.'.join(keys)} is {value!r}; " in said
    assert f"({LEAVES[keys].description})" in said


@pytest.mark.parametrize("value", ["many", [1], {"a": 1}, None, float("nan"), float("inf")])
def test_a_value_of_another_kind_is_named(file: Path, value: Any) -> None:
    said = message(file, changed(("label", "weights", "prior"), value))
    assert f"label.weights.prior is {value!r}; input should be a" in said


def test_a_value_in_a_list_has_the_lists_meaning(file: Path) -> None:
    said = message(file, changed(("knowledge", "exclude_classes"), ["Q5", "category"]))
    assert "knowledge.exclude_classes.1 is 'category'; " in said
    assert LEAVES["knowledge", "exclude_classes"].description in said


def test_all_errors_are_told_at_once(file: Path) -> None:
    content = changed(("sample", "port"), 80)
    content["label"]["max_words"] = 0
    said = message(file, content).splitlines()
    assert len(said) == 2
    assert all(line.startswith(f"{file}: ") for line in said)


# Wrong keys


@pytest.mark.parametrize(
    ("keys", "suggestion"),
    [
        (("sampel",), "did you mean 'sample'?"),
        (("sample", "ports"), "did you mean 'port'?"),
        (("pretrain", "augment", "rotate"), "did you mean 'rotation'?"),
        (("query", "zzz"), "known keys there: pictures, seed, top"),
    ],
)
def test_an_unknown_key_is_answered_with_a_near_one_or_all(file: Path, keys: tuple[str, ...], suggestion: str) -> None:
    assert message(file, changed(keys, 1)) == f"{file}: {'.'.join(keys)} is no known key; {suggestion}"


def test_a_missing_key_is_named_with_its_meaning(file: Path) -> None:
    content = copy.deepcopy(CONTENT)
    del content["sample"]["port"]
    assert message(file, content) == f"{file}: sample.port is missing; add it ({LEAVES['sample', 'port'].description})"


def test_a_missing_section_is_named(file: Path) -> None:
    content = copy.deepcopy(CONTENT)
    del content["query"]
    assert message(file, content).startswith(f"{file}: query is missing; add it")


def test_an_empty_section_is_named(file: Path) -> None:
    assert message(file, changed(("query",), None)).startswith(f"{file}: query is None; input should be a valid dict")


@pytest.mark.parametrize("text", ["sample: {port: 1, seed: 2,\n  port: 3}", "sample: {}\n\nsample: {}"])
def test_a_key_that_stands_twice_is_named_with_its_line(file: Path, text: str) -> None:
    line = len(text.splitlines())
    assert re.fullmatch(
        rf"{re.escape(str(file))}: line {line}: the key '\w+' appears twice; keep one", message(file, text)
    )


def test_a_key_that_is_no_word_is_named(file: Path) -> None:
    assert "7" in message(file, CONTENT | {7: 1})


# No parameter file


NO_YAML = [
    "sample: [",
    "\tsample: 1",
    "a: b: c",
    "!!python/object:os.system {}",
    "? [a]\n: 1",
    "a: 2001-99-45",
    "[" * 9999,
]


@pytest.mark.parametrize("text", NO_YAML)
def test_what_is_no_yaml_is_told_on_one_line(file: Path, text: str) -> None:
    said = message(file, text)
    assert said.startswith(f"{file} is not YAML: ")
    assert "\n" not in said


def test_a_value_that_multiplies_is_shown_in_part(file: Path) -> None:
    doubled = "".join(f"x{n}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24))
    file.write_text(f"x: &a [1, 2]\n{doubled}sample: {{seed: *y}}\n")
    with pytest.raises(ParameterError, match=r"sample.seed is \[\[\["):
        parameters.load(file)


def test_a_file_that_is_too_large_for_parameters_is_not_read(file: Path) -> None:
    file.write_text("# \n" * 100_000)
    with pytest.raises(ParameterError, match="which no parameter file has"):
        parameters.load(file)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "no.yaml"])
def test_a_file_that_extends_none_says_so(file: Path, name: str) -> None:
    file.write_text(yaml.safe_dump({"extends": name}))
    with pytest.raises(ParameterError, match="which is missing"):
        parameters.load(file)


def test_bytes_that_are_no_text_are_no_yaml(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParameterError, match="is not YAML"):
        parameters.load(file)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- b", "42"])
def test_a_file_without_sections_is_named(file: Path, text: str) -> None:
    assert message(file, text).startswith(f"{file} holds no sections")


def test_a_missing_file_and_a_folder_in_its_place_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"no\.yaml is missing; .*--params"):
        parameters.load(tmp_path / "no.yaml")
    with pytest.raises(ParameterError, match=r"cannot be read .*--params"):
        parameters.load(tmp_path)


# Files that change another


def test_a_file_that_extends_another_changes_what_it_names_and_nothing_else(file: Path) -> None:
    file.write_text(
        f"extends: {OWN}\npretrain:\n  batch: 4096\n  text: {{name: 1, name_and_description: 0, alt_text: 0}}\n"
    )
    own, changed = parameters.load(OWN), parameters.load(file)
    assert (changed.pretrain.batch, changed.pretrain.text.name) == (4096, 1)
    kept = {"batch": own.pretrain.batch, "text": own.pretrain.text}
    assert changed.model_copy(update={"pretrain": changed.pretrain.model_copy(update=kept)}) == own


def test_a_file_is_found_from_the_folder_of_the_one_that_extends_it(file: Path) -> None:
    (file.parent / "below").mkdir()
    file.write_text(OWN.read_text(encoding="utf-8"), encoding="utf-8")
    above = file.parent / "below" / "above.yaml"
    above.write_text("extends: ../knobs.yaml\nsample: {port: 4321}\n")
    assert parameters.load(above).sample.port == 4321


def test_a_value_out_of_range_is_told_of_the_file_that_was_named(file: Path) -> None:
    said = message(file, f"extends: {OWN}\npretrain: {{batch: 0}}\n")
    assert said.startswith(f"{file}: pretrain.batch is 0")


def test_a_file_that_extends_what_is_missing_or_extends_itself_is_refused(file: Path) -> None:
    assert "which is missing; name a parameter file" in message(file, "extends: nowhere.yaml\nsample: {port: 1}\n")
    assert "extends another file itself" in message(file, "extends: knobs.yaml\nsample: {port: 1}\n")


@pytest.mark.parametrize("tower", ["ViT-B-16", "ViT-L-14", "ViT-H-14"])
def test_the_files_of_the_papers_towers_are_valid(tower: str) -> None:
    path = OWN.parent / "params" / f"paper-{tower[4:].replace('-', '').lower()}.yaml"
    knobs = parameters.load(path).pretrain
    assert knobs.tower == tower
    assert knobs.batch % knobs.workers == 0
    # Every number says whose it is.
    numbers = [line for line in path.read_text(encoding="utf-8").splitlines() if re.match(r" +\w+: *[^#{\s]", line)]
    assert len(numbers) > 10
    assert [line for line in numbers if not re.search(r"# \[[PD]\] ", line)] == []
