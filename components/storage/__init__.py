"""Where data lie: URLs, S3, mirrors of buckets, work folders, JSON files."""
