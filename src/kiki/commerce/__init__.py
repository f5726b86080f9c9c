"""The shop's own nouns, whatever platform it runs on: events, orders, products, customers, and their tables.

Owns the schema `commerce`. Knows no platform, no agent and no decision. Start in `events.py`.
"""
