"""Why pictures are dropped from the data set, for people."""

from components.curate.format import CONTRADICTED, DUPLICATE, UNLABELLED

# By the reason that `metrics/curate.json` counts them under. A filter without a title here is shown
# by its name.
TITLES = {
    UNLABELLED: "no entity was kept for it",
    DUPLICATE: "same bytes as another",
    CONTRADICTED: "copies that are labelled differently",
    "both_splits": "entities of both splits",
    "rare_entities": "entities with too few pictures",
    "surplus": "more than an entity may have",
}
