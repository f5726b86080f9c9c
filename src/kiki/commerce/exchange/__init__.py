"""Exchange rates: what is known of them (`rates.py`), kept (`repository.py`), read from files (`files.py`, `ecb.py`),
and which orders wait for one (`waiting.py`). Which rate counts for an order is decided in the orchestrator.
"""
