"""SyncLedger: incremental revenue, refunds, success fees and monthly statements of every store, in double entry.

Owns the contracts and the books (schema `syncledger`). Facts are appended; a correction is a reversal and a new entry.
Holds no personal data. Start at `recording.py` (the rules), then `service.py`.
"""
