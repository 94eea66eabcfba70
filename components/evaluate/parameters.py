"""The knobs of the evaluation."""

from pydantic import Field

from components.section import Section


class EvaluateParameters(Section):
    """Section `evaluate` of params.yaml."""

    seed: int = Field(description="chooses the retrieval examples and the pictures of the map", ge=0)
    knn_neighbours: int = Field(description="k of the weighted kNN", ge=1)
    knn_temperature: float = Field(description="a neighbour's vote weighs exp(cosine / temperature)", gt=0)
    examples: int = Field(description="queries shown with their nearest pictures in the report", ge=1, le=200)
    top: int = Field(description="pictures shown for each query", ge=1, le=20)
    map_pictures: int = Field(description="pictures on the map of embeddings (t-SNE)", ge=10, le=5000)
    map_perplexity: float = Field(description="t-SNE's perplexity, below a third of the pictures", gt=1)
