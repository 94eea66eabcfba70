"""Files of others: JSON, text and tables that may hold anything."""
