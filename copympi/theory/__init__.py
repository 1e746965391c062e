"""What to compare with: Schroedinger's equation and its finite-N noise. The engine must not import this."""
