"""The closed grammar of commands by reply."""
