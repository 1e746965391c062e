"""How long one system remembers, in copies and in Bell's process, and what one would see of it."""

ASKS = "does one system come to show |Psi|^2, and how fast does it forget where it was? (section 3.4)"
