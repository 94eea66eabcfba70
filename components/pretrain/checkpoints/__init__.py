"""Checkpoints: what they hold, where they lie, how they are written beside a training and gone on from."""
