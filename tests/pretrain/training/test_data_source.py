"""The data of a training, opened."""

import logging
from pathlib import Path

import pytest

from components.pretrain.data.batch import BatchPartition
from components.pretrain.recipe import make_recipe
from components.pretrain.training.data_source import open_data
from tests.pretrain.conftest import MakeJob

PICTURES = 72  # of the test's crawl


@pytest.mark.parametrize(("batch", "rank", "warned"), [(PICTURES, 0, False), (80, 0, True), (80, 1, False)])
def test_a_batch_larger_than_the_data_is_said_once(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture, batch: int, rank: int, warned: bool
) -> None:
    job = make_job("clip", tmp_path, batch=batch, workers=2)
    with caplog.at_level(logging.WARNING):
        data, _ = open_data(job, make_recipe("clip", job.parameters), BatchPartition(batch, rank, 2))
    assert len(data) == PICTURES
    said = f"pretrain.batch is {batch}, but clip has only {PICTURES} pictures to train on"
    assert (said in caplog.text) == warned
