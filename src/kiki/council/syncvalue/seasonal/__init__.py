"""What a store would have earned without us: a seasonal counterfactual from the days before it was connected.

Pure: daily revenue in, months ahead with an interval out, tested on the store's own past. Reads no table and no clock.
Start at `model.py`; `docs/baseline.md` explains the method.
"""
