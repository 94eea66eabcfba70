"""Where pairs come from: live sites, web archives, lists of addresses, shards of others."""
