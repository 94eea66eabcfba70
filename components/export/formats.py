"""The formats of an export."""

from enum import StrEnum


class Format(StrEnum):
    """The formats of an export."""

    HF = "hf"
    ONNX = "onnx"
