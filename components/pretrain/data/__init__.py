"""What a recipe trains on: decoded pictures, texts and classes, in batches."""
