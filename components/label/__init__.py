"""Alt text → mentions → candidates → entities, then CLIP's filter (MOFI paper, "Building I2E")."""
