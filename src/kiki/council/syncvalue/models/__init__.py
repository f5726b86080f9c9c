"""Models of lifetime value: how often a customer comes back, until when, and what an order is worth.

Pure: arrays in, values out; no I/O, no clock, and randomness is passed in. Start at `fitting.fit_transactions` and
`fitting.fit_spend`, which give a `FittedModel`; `prediction.predict` takes one to customers. `backtest` chooses between
models, `pooling` lets a young store borrow from others, `accuracy` says how right the predictions were.

Time is counted in one unit per model, days or weeks, named in the fitted model and never guessed.
"""
