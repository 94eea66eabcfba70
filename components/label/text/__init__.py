"""What an alt text says: its mentions, and what it is about."""
