"""The image and the manifests, tested without a cluster and without Docker."""
