"""SyncEngage owns contacts and consent, flows of mail and SMS, and their sending. It does not own orders or customers.

Start at `service.py` (what a trigger does) and `sending/worker.py` (how a message leaves). The rules stand in
`rules.py` and
`flows.py`.
"""
