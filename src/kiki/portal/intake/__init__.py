"""Webhook intake: from raw bytes to a durable delivery, then the answer.

Owns the way up to the inbox: finding the store, reading the body within bounds, the signature, the group commit.
Knows nothing of what a payload means. `rules.py` decides, `edge.py` speaks HTTP; start with the former.
"""
