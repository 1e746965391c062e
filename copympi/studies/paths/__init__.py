"""The law of one member's path in N copies beside that of Bell's process: cases, numbers, tables and figure."""

ASKS = "is the path of one system in N copies that of Bell's process, and how fast does it come to be as N grows?"
