"""The data card: what is in a data set, in figures, charts and words."""
