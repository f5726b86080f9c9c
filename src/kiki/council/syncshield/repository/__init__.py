"""The only SQL of SyncShield, by subject: the audit log, the data keys, the data-subject requests."""
