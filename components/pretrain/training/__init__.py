"""The training loop, and what it sets up, watches, validates and saves."""
