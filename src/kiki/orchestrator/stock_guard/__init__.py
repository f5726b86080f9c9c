"""The stock guard: no ads for what cannot be bought.

Owns the rules on sellability (`stock.py`) and on what to do about it (`guard.py`), both pure. What it wants is carried
to the ad networks by SyncFlow.
"""
