"""Files, and nothing else."""
