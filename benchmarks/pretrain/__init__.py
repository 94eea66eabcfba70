"""Pre-training: loading, steps, the sampled softmax, and the recipes' scores."""
