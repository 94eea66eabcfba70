"""The trainer's small data and towers serve here too."""

from tests.pretrain.conftest import caches, data, make_job, make_parameters, one_thread, tower_files  # noqa: F401
