"""The only SQL of SyncLedger: `books` for recording, `readings` for statements and look-ups, `proof` to verify."""
