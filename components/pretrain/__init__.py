"""Pre-training: data, recipes, training steps, the Ray Train loop and its checkpoints."""
