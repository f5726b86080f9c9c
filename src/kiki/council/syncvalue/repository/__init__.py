"""The only SQL of SyncValue: `histories` for orders, customers and models, `baselines` for revenue and baselines."""
