"""The names in `metrics/evaluate.json` that its readers look for."""

EXCLUDED, INCLUDED, ACROSS = "query_excluded", "query_included", "across_foundries"
UNTRAINED = "untrained"
PIXEL_SIDES = (8, 32)
CENTRED_SIDE = 8
