"""What came out of a run, for Python: a Run with its arrays, theory, figures and tables."""
