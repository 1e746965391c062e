"""Tables and figures: reads files only, knows no MPI."""
