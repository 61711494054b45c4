"""What is done to machines: claimed from the outbox, taken a step further, settled; apart from the mail."""
