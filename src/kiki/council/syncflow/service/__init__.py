"""Use cases of SyncFlow: decisions about products, the registry of campaigns, and people's holds."""
