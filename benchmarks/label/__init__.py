"""Labelling: how fast texts and pictures are read, and how right the labels are."""
