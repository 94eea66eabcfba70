"""Entity disambiguation: which candidate a mention means."""
