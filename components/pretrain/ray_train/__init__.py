"""Training on Ray Train: placement of workers, elastic scaling, and failures."""
