"""Every command that takes a model takes the same locations, and says so in the same words."""

from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from components.cli.commands.evaluate import evaluate_model
from components.cli.commands.export import export
from components.cli.commands.label import run
from components.cli.commands.serve import search
from components.cli.model import LOCATIONS


@pytest.mark.parametrize("command", [run, evaluate_model, export, search])
def test_a_command_s_help_lists_all_locations(command: Callable[..., Any]) -> None:
    (option,) = get_type_hints(command, include_extras=True)["model"].__metadata__
    assert option.help.endswith(f": {LOCATIONS}")
