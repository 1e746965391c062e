"""Twins of the fast code: slow, obvious, sharing nothing with it."""
