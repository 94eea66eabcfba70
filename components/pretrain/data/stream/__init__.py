"""Training data read straight from shards, without decoding them into a cache first."""
