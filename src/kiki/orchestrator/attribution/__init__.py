"""Attribution: did we cause this order?

Owns the rules and their evidence, and nothing that is stored. Models are pure and stand behind `model.Model`; start in
`model.py`, then `default_model.py`.
"""
