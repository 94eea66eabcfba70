"""Bytes of a picture to pixels, by one decoder, and fingerprints that find its copies."""
