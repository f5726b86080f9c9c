"""How messages leave: due ones are taken under a lease, checked again, composed, marked, handed over once, settled."""
