"""What builds the sample web, its benchmark, its truth table and its knowledge base, from published packages."""
