"""Search by picture with a promoted model."""
