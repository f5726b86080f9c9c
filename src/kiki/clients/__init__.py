"""Clients of the Council: one channel per agent, reused; batch-first; every failure a `KikiError`.

Start in `council.py`. The orchestrator sends call intents through `CouncilClients.call_batch`; the portal reads through
`CouncilClients.call`.
"""
