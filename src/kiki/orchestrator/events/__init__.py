"""The event log: what happened, appended once and in order per store; and its signed delivery to integrators.

Owns the schema `events`. Start at `log.py` (appending) and `outbound.py` (subscriptions).
"""
