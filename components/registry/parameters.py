"""The knobs of promotion."""

from pydantic import Field

from components.section import Section


class PromoteParameters(Section):
    """Section `promote` of params.yaml: who may become champion, and what it must pass."""

    name: str = Field(description="name of the registered model", min_length=1)
    alias: str = Field(description="alias that the promoted version gets", min_length=1)
    metric: str = Field(description="what recipes are compared by: a key below models.RECIPE of metrics/evaluate.json")
    baseline: str = Field(description="recipe that the best must beat, never promoted itself")
    candidates: tuple[str, ...] = Field(description="recipes that may be promoted", min_length=1)
    least: float = Field(description="gate: least value of the metric, 0 to 1", ge=0, le=1)
    least_over_baseline: float = Field(description="gate: least ratio of the metric to the baseline's", ge=0)
    least_over_raw_pixels: float = Field(description="gate: least ratio to the better of the raw-pixel floors", ge=0)
    least_label_precision: float = Field(description="gate: least precision of the labels, 0 to 1", ge=0, le=1)
    largest_loss: float = Field(
        description="gate: how far below the champion of the same benchmark, as a share of its value, 0 to 1",
        ge=0,
        le=1,
    )
