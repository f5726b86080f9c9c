"""SyncFlow: the campaign registry, and pausing, resuming and re-bidding at the ad networks.

Owns the schema `syncflow`: campaigns and what they promote, what is known of products, the state that ad networks were
driven to, and the actions shown to operators. It does not decide whether a product can be sold: callers do.

A call writes desired state and a work row (`service/`); the reconciler (`reconciler/`) drives each campaign to it,
under a lease and a step at a time. Start at `plan.py`, which says what the next step is.
"""
