"""Photographs of damaged cars, in three degrees of severity."""
