"""Parameters of linking alt texts to entities."""

from typing import ClassVar

from pydantic import Field

from components.section import Section


class WeightParameters(Section):
    """Weights of the evidence in a candidate's log-odds (MOFI paper, text disambiguation)."""

    prior: float = Field(description="weight of the natural log of the name's prior; 0 or more", ge=0, le=10)
    text: float = Field(
        description="weight of the cosine to the words around the linked names; 0 or more", ge=0, le=100
    )
    page: float = Field(description="weight of the cosine to what the page is about; 0 or more", ge=0, le=100)
    coherence: float = Field(description="weight of the cosine to the text's other entities; 0 or more", ge=0, le=100)
    case: float = Field(
        description="log-odds against a name that the text writes in small letters and Wikidata does not; 0 or more",
        ge=0,
        le=100,
    )
    none: float = Field(
        description="log-odds of 'none of the candidates'; higher resists namesakes more", ge=-50, le=50
    )


class LabelParameters(Section):
    """Section `label` of params.yaml."""

    WITHOUT_EFFECT: ClassVar = frozenset({"max_error_share"})

    ner: bool = Field(description="also look up the names that spaCy's NER finds; true or false")
    max_words: int = Field(description="longest name to match, words; 1 to 12", ge=1, le=12)
    max_candidates: int = Field(description="entities considered per name, highest prior first; 1 to 100", ge=1, le=100)
    common_share: float = Field(
        description="share of lower-case initials from which a word is common; rules out capitalised namesakes; 0.5 to 1",
        ge=0.5,
        le=1,
    )
    common_least: int = Field(description="texts that must write a common word in lower case; 1 or more", ge=1)
    use_caption: bool = Field(description="look in the figure caption where the alt text names nothing; true or false")
    min_coverage: float = Field(
        description="share of the subject's information that the mention must cover, 0 to 1", ge=0, le=1
    )
    modifier_weight: float = Field(
        description="how much a word before the mention counts against it, 0 = not at all, 1 = as a noun", ge=0, le=1
    )
    max_entities: int = Field(description="entities kept per picture, best first; 1 to 10", ge=1, le=10)
    iterations: int = Field(description="rounds of re-scoring by the other entities of the text; 0 to 10", ge=0, le=10)
    weights: WeightParameters = Field(description="weights of the evidence from the text")
    named_smoothing: float = Field(
        description="pseudo-count of the prior when updated by the pictures that name a candidate unambiguously; above 0",
        gt=0,
        le=1e9,
    )
    page_shrinkage: float = Field(
        description="pseudo-count of pictures with which a page's profile is shrunk towards its site's; 0 or more",
        ge=0,
        le=1000,
    )
    min_probability: float = Field(description="least probability by the text that is kept, 0 to 1", ge=0, le=1)
    image_weight: float = Field(
        description="weight of the picture's calibrated log-odds among rivals; 0 = text only",
        ge=0,
        le=20,
    )
    image_quantile: float = Field(
        description="share of matched pairs that the image filter's threshold lies above, 0 = filter nothing, to 0.5",
        ge=0,
        le=0.5,
    )
    references: int = Field(
        description="pictures of the crawl that an entity's text is compared with to standardise its scores; 16 to 10000",
        ge=16,
        le=10000,
    )
    image_batch: int = Field(description="pictures per forward pass of the image filter; 1 to 4096", ge=1, le=4096)
    max_error_share: float = Field(
        description="share of unreadable pictures above which the stage stops, 0 to 1", ge=0, le=1
    )
