"""The command line: thin commands over `runtime` (up, serve, migrate, doctor) and the portal's HTTP API (the rest).

`entry` is what the shell calls, `main` has the commands. Exit codes stand in `exits`; what a command prints goes
through `output`.
"""
