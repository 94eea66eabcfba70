"""Training data: decoded pictures with texts and classes, in batches."""
