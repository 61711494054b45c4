"""The shared mailbox, over IMAP."""
