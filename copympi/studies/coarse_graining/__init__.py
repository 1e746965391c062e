"""Boxes of sites against the sites themselves. Cases, what is measured in them, tables and figure."""

ASKS = "do boxes of sites, and a body's own atoms in boxes, move alike? (section 3.3)"
