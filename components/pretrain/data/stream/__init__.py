"""Training from shards as they lie: a few of them at a time on this machine's disk, whatever their number."""
