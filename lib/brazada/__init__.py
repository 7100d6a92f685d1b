"""Brazada: Spark jobs from raw files to Delta tables, distributed training on them, and forecasts in SQL.

Importing this package starts neither Spark nor TensorFlow.
"""

__version__ = "0.1.0"
