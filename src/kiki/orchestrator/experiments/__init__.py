"""Experiments: what advertising caused, measured against people or places that did not get it.

Owns the rules and the statistics, which are pure (values in, values out, randomness by a seed), and what stores
register and read (schema `experiments`).

- People: `assignment.py` (who is held out), `registration.py` (what is fixed beforehand), `lift.py` (what the
  difference is), `checks.py` and `sequential.py` (whether to believe it), `power.py` (how many people it
  takes), `billing.py` (what may be billed on it).
- A store's own: `plans.py` (what may happen to an experiment), `repository.py` (SQL of what is registered, logged and
  read), `outcomes.py` (SQL of what the shop says of logged people), `reading.py` (what it shows), `exposed.py` and
  `compliance.py` (who was exposed against the deal), `service.py` (use cases; start here), `schedule.py` (what is due).
- Files: `cells.py`; of users `table.py`, `analysis.py`.
- Places: `panel.py`, `synthetic_control.py`, `did.py`, `conformal.py`, `placebo.py`, put together in `geo.py`.

`docs/experiments.md` has the formulas, their sources and their limits.
"""
