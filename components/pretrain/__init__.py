"""Towers, losses, recipes, the Ray Train loop and its checkpoints."""
