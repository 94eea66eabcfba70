"""The command line, one file per command, and the joined schema of params.yaml.

The only room that knows all others.
"""
