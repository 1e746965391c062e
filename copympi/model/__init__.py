"""What the theory says: pure functions of arrays. No MPI, no files but the user's Hamiltonian, no randomness."""
