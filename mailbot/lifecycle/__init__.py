"""A ticket's life: what an event makes of a ticket (`decide`), in the steps that each part of the life has.  Pure: no clock, no I/O.

`circumstances`, `notice`, `dates` and `outlook` know no letter, so that a command that only lists tickets loads none.
"""
