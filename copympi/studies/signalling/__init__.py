"""What one party sees of another's Hamiltonian where copies are N. Systems, cases, numbers, tables and figure."""

ASKS = "can one party see, in N copies, what another one does to its own part? (section 3.4)"
