"""Background jobs that a person asks for: catalogue and history sync, recalculation. Durable, leased, with progress.

Start in `runner.py`; `sync.py`, `history.py`, `attribution.py` and `recalculation.py` say what the jobs do. Those that
compute do so in a process of their own (`computing.py`, and what runs there: `chunks.py`). How a shop is read is the
platform's own affair (`platforms/<name>/api.py`).
"""
