"""Passes near nodes, and how long N copies follow quantum mechanics. Cases, what is measured, tables, figure."""

ASKS = "what does a node kill, and how long does quantum mechanics last in N copies? (section 3.4, (63), (64))"
