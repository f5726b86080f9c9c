"""The Council: six agents, each a gRPC service with its own schema, rules and settings.

An agent sees `rpc` and `kit` alone and knows no other agent; `runtime` builds them, `clients` calls them. Inside each:
`domain` and rule modules (pure) · `tables` · `repository` (the only SQL) · `service` (use cases, owns the
transaction) · `convert` · `servicer` (gRPC edge) · `settings` · `errors` · `component` · `migrations/`.
"""
