"""Training on Ray Train: workers, and fewer or more of them when nodes go or come."""
