"""Alt text → mentions → candidates → entities, then CLIP's filter (MOFI.md, "Building I2E")."""
