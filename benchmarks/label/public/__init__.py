"""How right labels are on texts that the project did not make."""
