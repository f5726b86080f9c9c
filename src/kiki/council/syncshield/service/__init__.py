"""Use cases of SyncShield, by subject; each owns its transaction."""
