"""What N copies do that infinitely many do not. Models, cases, numbers, experiments, tables and figure."""

ASKS = "how does quantum mechanics fail with N copies, and what would an experiment see of it?"
