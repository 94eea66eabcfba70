"""Whether the picture shows an entity: CLIP's cosines, calibrated."""
