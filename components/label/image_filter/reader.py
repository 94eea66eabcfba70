"""Reads the image filter's calibration, which the label stage writes."""

from pathlib import Path

from components.label.image_filter.calibration import Calibration
from components.storage.json_files import read_json


def read_calibration(folder: Path) -> Calibration:
    """How the image filter was calibrated when these labels were made (`calibration.json`).

    Raises:
        InputError: if the file is missing or no JSON.
    """
    return Calibration(**read_json(folder / "calibration.json"))
