"""What we are measured against, each in an environment of its own, as its packages do not go together with ours."""
