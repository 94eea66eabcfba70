"""The typed schema of `params.yaml`, joined from the sections that each room declares."""

from collections.abc import Hashable
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml
from pydantic import Field, ValidationError

from components.crawl.parameters import CrawlParameters
from components.curate.parameters import CurateParameters
from components.errors import ParameterError
from components.evaluate.parameters import EvaluateParameters
from components.knowledge.parameters import KnowledgeParameters
from components.label.parameters import LabelParameters
from components.pretrain.parameters import PretrainParameters
from components.registry.parameters import PromoteParameters
from components.section import Section
from components.serve.parameters import QueryParameters

DEFAULT = Path("params.yaml")
# The key of a file that changes only some values of another.
_EXTENDS = "extends"
_MOST_BYTES = 1 << 17
# A value may hold another twice, that one a third twice, and so on: all would not fit into memory.
_SHOWN = Repr()
_SHOWN.maxlevel, _SHOWN.maxstring, _SHOWN.maxother = 3, 200, 200


class SampleParameters(Section):
    """Section `sample` of params.yaml: the sample web."""

    seed: int = Field(description="chooses words, sizes and dirt; the held-out concepts do not depend on it", ge=0)
    port: int = Field(description="loopback port of all sample sites; 1024 to 65535", ge=1024, le=65535)
    page_pictures: int = Field(description="pictures on one page of a sample site", ge=4, le=500)
    drawings: int = Field(description="a concept is in the sample if at least this many sets draw it", ge=2, le=12)
    useless_share: float = Field(description="share of pictures whose alt text says nothing, 0 to 1", ge=0, le=1)
    planted: int = Field(description="near-copies of benchmark pictures left in the web on purpose", ge=0, le=200)


class Parameters(Section):
    """Every knob of the pipeline, a section per stage."""

    sample: SampleParameters
    crawl: CrawlParameters
    knowledge: KnowledgeParameters
    pretrain: PretrainParameters
    label: LabelParameters
    curate: CurateParameters
    evaluate: EvaluateParameters
    promote: PromoteParameters
    query: QueryParameters


class _RepeatedKey(Exception):
    """A key appears twice."""


class _UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML lets a later key replace an earlier one silently; a parameter file must not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: list[Any] = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=deep)
            if key in seen:
                raise _RepeatedKey(f"line {key_node.start_mark.line + 1}: the key {key!r} appears twice; keep one")
            seen.append(key)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return mapping


def load(path: Path = DEFAULT) -> Parameters:
    """Reads and checks the whole file, and the one that its first line may extend.

    Such a line is `extends: OTHER.yaml`.

    Raises:
        ParameterError: naming the file, the key, its value and what it may be.
    """
    content = _read(path)
    try:
        return Parameters.model_validate(content)
    except ValidationError as error:
        raise ParameterError("\n".join(_sentence(path, e) for e in error.errors())) from None


def _read(path: Path) -> dict[str, Any]:
    """A file's sections over those of the one that `extends` names, relative to its folder."""
    content = _file(path)
    if _EXTENDS not in content:
        return content
    base = path.parent / str(content.pop(_EXTENDS))
    if not _is_file(base):
        raise ParameterError(
            f"{path}: extends names {str(base)[:500]}, which is missing; name a parameter file, seen from {path.parent}"
        )
    if _EXTENDS in (below := _file(base)):
        raise ParameterError(f"{path}: extends names {base}, which extends another file itself; name that one")
    return _over(below, content)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for any file
        return False


def _file(path: Path) -> dict[str, Any]:
    """The sections of one file."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ParameterError(f"{path} has more than {_MOST_BYTES} bytes, which no parameter file has; name another")
        content: Any = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise ParameterError(
            f"{path} is missing; run it in the repository's root, or name the file with --params"
        ) from None
    except _RepeatedKey as error:
        raise ParameterError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date may be the 45th of May
        raise ParameterError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error}); name the file with --params") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path} holds no sections; the repository's own params.yaml shows them all")
    return content


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Sections key by key, so that a file names only what it changes."""
    both = {
        key: _over(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return below | both


def _sentence(path: Path, error: Any) -> str:
    """One of pydantic's errors as thing, value and fix."""
    keys = [str(part) for part in error["loc"]]
    name = ".".join(keys)
    if error["type"] == "extra_forbidden":
        return f"{path}: {name} is no known key; {_suggestion(keys)}"
    if error["type"] == "missing":
        return f"{path}: {name} is missing; add it ({_meaning(keys)})"
    fix = error["msg"].removeprefix("Value error, ")
    return f"{path}: {name} is {_SHOWN.repr(error['input'])}; {fix[0].lower()}{fix[1:]} ({_meaning(keys)})"


def _suggestion(keys: list[str]) -> str:
    from difflib import get_close_matches

    model = _model(keys[:-1])
    known = sorted(model.model_fields) if model else []
    near = get_close_matches(keys[-1], known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known keys there: {', '.join(known)}"


def _meaning(keys: list[str]) -> str:
    """The description of the key, or of the nearest one above it (a list's for its items)."""
    for end in range(len(keys), 0, -1):
        model = _model(keys[: end - 1])
        field = model.model_fields.get(keys[end - 1]) if model else None
        if field and field.description:
            return field.description
    return "see params.yaml for its meaning"


def _model(keys: list[str]) -> type[Section] | None:
    """The section that a path of keys leads to, if every step is a section."""
    model: type[Section] = Parameters
    for key in keys:
        field = model.model_fields.get(key)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, Section):
            return None
        model = field.annotation
    return model
