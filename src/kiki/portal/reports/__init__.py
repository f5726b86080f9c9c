"""The monthly statement: from SyncLedger and SyncValue to JSON, CSV and PDF. Computes nothing itself."""
