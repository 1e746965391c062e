"""What a run records: the quantities, when, and where they go in memory."""
