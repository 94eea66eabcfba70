"""Labelled pictures → the I2E data set: duplicates, vocabulary, split, shards, data card."""
