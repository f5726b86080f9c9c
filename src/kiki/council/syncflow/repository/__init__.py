"""The only SQL of SyncFlow, by subject.

Rows are locked in one order everywhere: products, work, campaigns, actions; keys sorted within each.
"""
