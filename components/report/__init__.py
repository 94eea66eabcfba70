"""Pages for people: they read figures and compute none."""
