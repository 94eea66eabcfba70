"""What a model can be exported as."""

from enum import StrEnum


class Format(StrEnum):
    """What a model can be exported as."""

    HF = "hf"
    ONNX = "onnx"
