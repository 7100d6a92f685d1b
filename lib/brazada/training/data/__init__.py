"""Rows of a pinned table as batches: columns, readers, sharding, preflight."""
