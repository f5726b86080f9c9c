"""Fits stores' models in the background: `rounds` says which are due, `worker` runs `fitting` in a process of its own.

Start at `fitting.fit_store`. The process that serves imports nothing of `fitting` or `holdout`.
"""
