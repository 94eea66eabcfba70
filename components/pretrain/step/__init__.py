"""One training step: towers, losses, class table, collectives, optimiser."""
