"""The image filter's calibration, drawn for the report."""

import base64
from pathlib import Path


def calibration_uri(labels: Path) -> str | None:
    """The chart of the calibration as `data:image/svg+xml;base64,…`; None where there is none."""
    path = labels / "calibration.svg"
    if not path.is_file():
        return None
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
