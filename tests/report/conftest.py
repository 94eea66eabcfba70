"""The evaluation's small benchmark serves here too."""

from tests.evaluate.conftest import benchmark_folder, parameters  # noqa: F401
