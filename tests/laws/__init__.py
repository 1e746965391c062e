"""One law suite for every engine and method: what it draws against references that share nothing with it."""
