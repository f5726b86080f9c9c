"""How pictures come about: jobs are taken under a lease, drawn in low-priority processes, stored by their hash."""
