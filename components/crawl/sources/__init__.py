"""Sources of pairs: live sites, web archives and URL lists."""
