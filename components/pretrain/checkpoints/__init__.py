"""Checkpoints: their content, storage, asynchronous writing, and resuming from them."""
