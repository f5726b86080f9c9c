"""Agents' models used offline, on a user's file and without a server: what `kiki value` and its benchmark run."""
