"""SyncShield: field encryption under keys of each store's own, the audit log, and data-subject requests.

Owns the schema `syncshield`: data keys (wrapped by the installation's master key), the append-only hash chain per
store, and the register of data-subject requests. It does not own the data that it encrypts, nor the master key
(`kit.sealing`). Start at `service/`, which holds the use cases; `chain.py` and `cipher.py` are the rules.
"""
