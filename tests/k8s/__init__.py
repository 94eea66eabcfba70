"""Are the image and the manifests right? No cluster and no Docker are needed."""
