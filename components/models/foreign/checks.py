"""Reads JSON that others wrote into known keys with checked values."""

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InputError

# Configs have kilobytes; vocabularies are not read here.
_MOST_BYTES = 32 << 20
_SHOWN = 80
# By these, files ask `transformers` to run the Python next to them, or of another repository.
_ASKS_FOR_CODE = ("auto_map", "custom_pipelines", "trust_remote_code")


@dataclass(frozen=True)
class Check:
    """What a value must be: in words, and as a test."""

    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Object:
    """An object's known keys; `optional` also allows null."""

    keys: "Mapping[str, Check | Object]"
    optional: bool = False


def whole(least: int, most: int) -> Check:
    """A whole number; true and false are none."""
    return Check(f"a whole number from {least} to {most}", lambda v: type(v) is int and least <= v <= most)


def number(least: float, most: float) -> Check:
    """A number, neither NaN nor infinite."""
    return Check(f"a number from {least} to {most}", lambda v: type(v) in (int, float) and least <= v <= most)


def one_of(*values: str) -> Check:
    """One of these strings."""
    return Check(f"one of {', '.join(map(repr, values))}", lambda v: isinstance(v, str) and v in values)


def text(pattern: str, says: str) -> Check:
    """A string that matches a pattern from beginning to end."""
    return Check(says, lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None)


def list_of(check: Check, *lengths: int) -> Check:
    """A list of one of these lengths."""
    says = f"a list of {' or '.join(map(str, lengths))}, each {check.says}"
    return Check(says, lambda v: isinstance(v, list) and len(v) in lengths and all(map(check.holds, v)))


def either(*checks: Check) -> Check:
    """What one of several checks allows."""
    return Check(" or ".join(check.says for check in checks), lambda v: any(check.holds(v) for check in checks))


NULL = Check("null", lambda v: v is None)
FLAG = Check("true or false", lambda v: isinstance(v, bool))


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: if the file is missing, too large, no JSON, or asks for code of its own to run.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} has more than {_MOST_BYTES} bytes, which no config has; name another model")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; fetch the model again") from None
    except (ValueError, RecursionError, OSError) as error:
        raise InputError(f"{path} is not JSON ({error}); fetch the model again") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is not an object; fetch the model again")
    for key in _ASKS_FOR_CODE:
        if content.get(key):
            raise InputError(
                f"{path} asks for code of its own to run ({key} is {_shown(content[key])}), which is refused; name another "
                f"model, or delete the key if the model works without"
            )
    return content


def checked(content: object, known: Object, where: object, name: str) -> dict[str, Any]:
    """A copy of an object that has known keys with right values alone.

    Args:
        content: as it was read.
        known: its keys.
        where: the file, for messages.
        name: of the object in the file, for messages.

    Raises:
        InputError: naming the key and its value otherwise.
    """
    if not isinstance(content, dict):
        raise InputError(f"{where}: {name} is {_shown(content)}, which is not an object; fetch the model again")
    result: dict[str, Any] = {}
    for key, value in content.items():
        rule, path = known.keys.get(key), f"{name}.{key}"[:_SHOWN]
        if rule is None:
            raise InputError(
                f"{where}: {path} is {_shown(value)}, which is no setting that is read from a model's files, as a library "
                f"might run code for it; name another model, or delete the key if the model works without"
            )
        if isinstance(rule, Object):
            result[key] = None if rule.optional and value is None else checked(value, rule, where, path)
        elif rule.holds(value):
            result[key] = deepcopy(value)
        else:
            raise InputError(f"{where}: {path} is {_shown(value)}; it must be {rule.says}. Name another model")
    return result


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
