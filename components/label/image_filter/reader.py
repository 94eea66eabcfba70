"""Reads the image filter's calibration, which the label stage writes."""

from pathlib import Path

from components.label.image_filter.calibration import Calibration
from components.storage.json_files import read_json_as

CALIBRATION = "calibration.json"


def read_calibration(folder: Path) -> Calibration:
    """How the image filter was calibrated when these labels were made (`calibration.json`).

    Raises:
        InputError: if the file is missing or damaged.
    """
    return read_json_as(folder / CALIBRATION, Calibration, "run `mofi label run` again")


def filter_has_say(folder: Path) -> bool | None:
    """Whether CLIP judged any entity of these labels; None if that is not on record.

    Raises:
        InputError: if the record is damaged.
    """
    return bool(read_calibration(folder).slope) if (folder / CALIBRATION).is_file() else None
