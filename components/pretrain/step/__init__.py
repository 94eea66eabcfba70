"""The parts of a training step: losses, class table, optimiser, communication between workers."""
