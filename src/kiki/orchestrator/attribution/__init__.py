"""Attribution: did we cause this order?

Owns the rules and their evidence, and nothing that is stored. Models are pure and stand behind `model.Model`; start in
`model.py`, then `default_model.py`; `registry.py` has the others by name.

- Per order: `default_model.py`; `crediting.py`, `touch_models.py`, `path_models.py` (credit is divided);
  `learned_model.py` (a probability). They import no numpy: who decides one order pays for nothing else. `compare.py`
  sets them side by side.
- Fits and sums over many paths: `paths.py`, `path_credit.py`, `markov.py` on `chain.py`, put together in
  `path_report.py`; `holdout.py` and `learned.py` for a hold-out, `holdout_scores.py` (how good it is, without truth),
  `from_experiment.py` (a store's own experiment). `fitted.py` is what a fit leaves behind.

`docs/attribution.md` has the formulas, their sources, what each model would bill, and their limits.
"""
