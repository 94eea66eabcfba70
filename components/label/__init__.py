"""Alt text → mentions → candidates → entities, and the CLIP filter that asks the picture (MOFI.md, "Building I2E")."""
