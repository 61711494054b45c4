"""Letters: from an outbox row and its ticket to the mail that goes out.  The only user of Jinja2.

What letters there are is in `letters.catalogue`; `letters.compose` writes them, and is imported by whatever sends.
"""
