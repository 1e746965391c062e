"""One way to assemble a run and to carry it out, for Python and for the command line."""
