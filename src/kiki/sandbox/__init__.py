"""Simulated peers over real HTTP and SMTP: shops, an ad network, a mailbox, an SMS gateway.

The demo and the tests talk to them.

Nothing here knows the product from the inside: payloads, signatures and expectations are written from the platforms'
facts, so that a mistake in the product is not repeated here. Start at `world` (what happens and what must follow).
"""
