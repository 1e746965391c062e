"""Do large bodies obey Newton? Cases, what is measured in them, tables and figure."""

ASKS = "do large bodies obey Newton? (section 3.3)"
