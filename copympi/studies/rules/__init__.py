"""What picks the quantum rule out of the whole class (18), (19). Cases, measures, study, table, figure."""

ASKS = "which copy rules signal, reverse in time, keep energy and superpose as quantum mechanics does?"
