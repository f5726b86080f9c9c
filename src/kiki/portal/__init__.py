"""The HTTP edge: webhook intake, the internal API, background jobs, reports, health and metrics.

Owns the schema `portal` (jobs) and nothing else: what it shows belongs to the orchestrator and the agents, what it
takes in is handed to the inbox. Start in `app.py`; the hot path is `intake/rules.py`.
"""
