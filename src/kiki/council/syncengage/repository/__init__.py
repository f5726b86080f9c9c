"""The only SQL of SyncEngage, split by what it is about. Every function runs on the transaction of its caller."""
