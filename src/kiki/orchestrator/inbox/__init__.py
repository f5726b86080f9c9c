"""The inbox: every delivery stored once, worked off under leases with fencing tokens, finished exactly once.

Owns the schema `inbox`: duplicate keys, sealed bodies, queue, leases, parked entities, outcomes and dead letters. It
knows no meaning: platforms decode, a `Decider` decides (`protocol.py`). Start at `deliveries.py` (what comes in) and
`worker.py` (what happens next).
"""
