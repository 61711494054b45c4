"""The request template, filled in by a person."""
