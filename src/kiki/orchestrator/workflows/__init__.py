"""Workflows: what happens when something happens in a shop.

`decider.py` takes a batch: it loads all rows that are touched (`loading.py`), folds the events one after another over
them (`orders.py`, `products.py`, `customers.py`, …; each reads as the list of what happens) and writes final rows,
calls and log events (`saving.py`). Nothing is written before everything is decided. `answers.py` says what flows back
from agents, `jobs.py` what is due by the clock. Start in `decider.py`.
"""
