"""Reading a knowledge base: the entity table, the memory-mapped name index, and embeddings."""
