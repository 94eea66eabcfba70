"""Picture shards: WebDataset tars with a parquet index next to each, as img2dataset writes them."""
