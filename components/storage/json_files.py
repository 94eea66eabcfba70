"""JSON files: written whole or not at all, read, and flattened."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from components.errors import InputError
from components.storage.atomic import new_file

_T = TypeVar("_T")
_RUN_AGAIN = "delete it and run its stage again"
_SHOWN = 80


def write_json(path: Path, content: Any) -> None:
    """Writes `content` with sorted keys, so that equal content gives equal bytes.

    Raises:
        ValueError: if it holds a NaN or an infinity, which JSON does not know.
    """
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        InputError: if it is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that writes it (`dvc repro` runs all)") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); {_RUN_AGAIN}") from None


def read_json_as(path: Path, kind: type[_T], fix: str = _RUN_AGAIN) -> _T:
    """Reads a JSON file whose content fits a type: a dataclass, a mapping.

    Raises:
        InputError: if it is missing, no JSON, or holds something else; `fix` says what helps.
    """
    return check_content(path, read_json(path), kind, fix)


def check_content(path: Path, content: Any, kind: type[_T], fix: str = _RUN_AGAIN) -> _T:
    """What was read, as a type that it fits; raises as `read_json_as` does."""
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place, shown = ".".join(map(str, first["loc"])), repr(first["input"])
        shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
        says = first["msg"][0].lower() + first["msg"][1:]
        found = f"{place} is missing" if first["type"] == "missing" else f"{place or 'its content'} is {shown} ({says})"
        raise InputError(f"{path} does not hold what its stage writes: {found}; {fix}") from None


def flatten(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Nested keys joined by dots, values as they are; a list counts as one value."""
    return ((".".join(keys), value) for keys, value in leaves(content))


def leaves(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each value with the keys that lead to it, outermost first; a list counts as one value."""
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value
