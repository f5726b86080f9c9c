"""The closing of months: a store's month is closed once it is over and a grace for what comes late has passed.

Owns the schema `closing`: which month of a store is next, and how far its closing is. The books are SyncLedger's: it is
asked to close by a call like any other, whose event id is the store's and the month's, so that a month is closed once
whoever asks. Start at `schedule.py`; `books.py` asks the agents, `repository.py` has the SQL.
"""
