"""Drives campaigns at the ad networks to what is wanted, each under a lease.

`loop.py` claims work and bounds what is in flight; `drive.py` takes one campaign step by step; `outcomes.py` says what
becomes of the actions that operators see.
"""
