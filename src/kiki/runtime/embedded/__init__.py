"""The embedded PostgreSQL: the server of one machine's `kiki up`, under our own supervision.

`binaries` finds (and for root: places) the programs, `account` says who runs them, `cluster` makes the data folder and
its configuration, `server` starts, adopts, stops and restarts the process. Everything here is synchronous but for
`server.EmbeddedPostgres`, which wraps it for the event loop.
"""
