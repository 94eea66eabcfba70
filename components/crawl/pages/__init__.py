"""A page → its pairs and links."""
