"""Agent calls: each is a row before it is a call, and is answered exactly once in our books.

Owns the schema `calls`: what waits, what is parked, what was answered, what is dead. Start at `intents.py` (how
decisions ask for a call) and `dispatcher.py` (how it is made).
"""
