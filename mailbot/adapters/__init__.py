"""The world outside: one file for each thing that the ports speak of."""
