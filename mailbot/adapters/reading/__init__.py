"""Reading mails where hostile ones can hurt nobody: in a child without files, network, rights, secrets or much time.

`reader` is the daemon's side, `child` the other; `wire` is what goes between them, `confinement` what the child gives up.
"""
