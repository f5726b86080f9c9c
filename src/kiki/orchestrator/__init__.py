"""What turns stored deliveries into decisions and calls, exactly once.

Owns the inbox (`inbox`), the call intents (`calls`), the event log (`events`), the decisions (`workflows`,
`attribution`, `stock_guard`) and the worker that runs them (`component`). It speaks to agents only through `clients`,
and never to a store. Start at `component.py`, then `inbox/worker.py` and `calls/dispatcher.py`.
"""
