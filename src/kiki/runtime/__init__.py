"""The composition root: settings become components, components become processes.

The only room that knows every other. Start reading at `composition` (name → component), then `supervisor` (components
in one process) and `topology` (processes of one machine). The embedded PostgreSQL stands in `embedded`.
"""
