"""What every stage does around its work: metrics go to one JSON file, its time to another."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.storage.json_files import write_json

logger = logging.getLogger(__name__)

METRICS = Path("metrics")


@contextmanager
def stage(name: str, metrics_folder: Path = METRICS) -> Iterator[dict[str, Any]]:
    """Runs a stage's body; writes what the body put into the yielded dict, and the seconds it took.

    Metrics are the same on every run and are data (`metrics/NAME.json`). Seconds are not, so they
    lie apart (`metrics/seconds/NAME.json`). A body that raises writes neither.
    """
    measures: dict[str, Any] = {}
    start = time.perf_counter()
    yield measures
    seconds = time.perf_counter() - start
    write_json(metrics_folder / f"{name}.json", measures)
    write_json(metrics_folder / "seconds" / f"{name}.json", {"seconds": round(seconds, 1)})
    logger.info("%s done in %.0f s", name, seconds)
