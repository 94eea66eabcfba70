"""The crawl room: pages → image/alt-text pairs → verified pictures in shards, politely."""
