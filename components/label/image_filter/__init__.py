"""Whether an entity is seen in the picture: CLIP's cosines, calibrated."""
