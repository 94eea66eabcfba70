"""Pictures that repeat an earlier one of the crawl: equal bytes, or the same picture in another size or compression."""
