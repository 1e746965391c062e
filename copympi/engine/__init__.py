"""How the dynamics run on many ranks."""
