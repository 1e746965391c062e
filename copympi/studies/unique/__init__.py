"""Quantum computers of N copies, in states of more strings of bits than there are copies. Circuits, cases, numbers."""

ASKS = "from how many qubits on would one see that a quantum computer has only N copies? (section 3.5)"
