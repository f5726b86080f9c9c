"""The command line: thin commands over `runtime` (up, serve, migrate, doctor) and the portal's HTTP API (the rest).

Start at `main`. Exit codes stand in `exits`; what a command prints goes through `output`.
"""
