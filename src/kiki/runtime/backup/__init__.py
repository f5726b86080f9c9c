"""Backups of a whole installation's data, and their restoring: one folder each, consistent over all owners.

`manifest` says what a backup folder holds and checks it, `tools` runs PostgreSQL's own programs, `saving` writes a
backup of a running database, `restoring` fills an empty database from one and proves what is in it, `aftermath` sets
right what must not continue as if no time had passed. The sealing keys are not in a backup: without them its sealed
parts open for nobody, and who has both has everything. Start with `saving`.
"""
