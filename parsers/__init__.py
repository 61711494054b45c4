"""Bytes to meaning: what a mail says, without any knowledge of tickets, authority or machines.

    understanding = parsers.understand(parsers.read(raw, rules), rules)

`read` takes the raw bytes of one mail and gives a `Mail`, or `Unreadable` with the reason; it never
raises for what the bytes contain.  `understand` says what the mail means: a request, a command, an
automatic mail, unclear words, nothing for us.
"""
