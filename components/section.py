"""The base of every section of `params.yaml`."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One stage's knobs: immutable, and an unknown key is an error rather than a silent default.

    `WITHOUT_EFFECT` names the knobs that change no byte of the result: they decide where and how
    fast a stage runs, what it logs, and when it gives up. Work that was begun with other values of
    them goes on, and they are no dependency in dvc.yaml.
    """

    WITHOUT_EFFECT: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
