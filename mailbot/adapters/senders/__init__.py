"""Who sent a mail: DKIM and OpenPGP signatures checked here, and whether our own border can be believed."""
