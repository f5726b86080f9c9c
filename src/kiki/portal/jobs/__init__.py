"""Background jobs that a person asks for: catalogue and history sync, recalculation. Durable, leased, with progress.

Start in `runner.py`; `sync.py` and `recalculation.py` say what the jobs do.
"""
