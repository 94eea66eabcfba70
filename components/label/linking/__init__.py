"""Which entity a mention means."""
