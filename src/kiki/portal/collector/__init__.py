"""The collector: what visitors' browsers tell of their contacts with campaigns.

Owns the pixel script, the beacon's form, consent, bots and limits; not what a contact means (`orchestrator/workflows/
evidence.py`). Start in `endpoints.py`, then `intake.py`; `docs/collector.md` says what is promised.
"""
