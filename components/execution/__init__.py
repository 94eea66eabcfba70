"""How work runs: the shard map over Ray, publication of results, stages, prefetch."""
