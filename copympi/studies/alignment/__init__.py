"""Is alignment an attractor? Cases, what is measured in them, tables and figure."""

ASKS = "is alignment of the phases an attractor? (section 3.2)"
