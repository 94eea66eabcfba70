"""Web archives: records, HTTP responses in them, and what they cost to read."""
