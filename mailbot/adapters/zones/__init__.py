"""Where the machines' names are published: a zone by dynamic update, and its stand-in."""
