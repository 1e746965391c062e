"""Many runs in one job: which values of which keys, who carries which run, and one table of what came out."""
