"""Letters on their way out, over SMTP."""
