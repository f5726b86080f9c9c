"""Background jobs that a person asks for: catalogue and history sync, recalculation. Durable, leased, with progress.

Start in `runner.py`; `sync.py`, `history.py` and `recalculation.py` say what the jobs do. How a shop is read is the
platform's own affair (`platforms/<name>/api.py`).
"""
