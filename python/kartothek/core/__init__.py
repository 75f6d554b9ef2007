"""Names, stores and dataset metadata."""
