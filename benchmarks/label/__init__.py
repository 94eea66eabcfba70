"""Labelling: speed on texts and pictures, and label quality."""
