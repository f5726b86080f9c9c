"""A typical shop: what is taken for granted of a shop while neither it nor other shops have told anything.

Chosen between the fits of retail shops that are published, and rounded; days, and multiples of the mean purchase:

| | r | α | a | b | p | q | v |
| --- | --- | --- | --- | --- | --- | --- | --- |
| CDs (Fader, Hardie, Lee 2005; Fader, Hardie 2013) | 0.243 | 30.9 | 0.793 | 2.426 | 6.25 | 3.74 | 0.44 |
| fashion (an analysis of a shop of 3,408 customers, 2019) | 0.30 | 140.6 | 0.83 | 3.55 | 15.7 | 9.5 | 0.54 |
| gifts (Online Retail of the UCI repository, 4,339 customers) | 0.83 | 68.9 | 0.00 | 6.75 | 2.10 | 3.45 | 1.17 |

r to b are BG/NBD's. MBG/NBD lets a customer leave after the first purchase too, so its r is larger and its b smaller
(CDs: 0.525, 43.3, 0.891, 1.614); Pareto/NBD's are near the CDs' 0.553, 74.0, 0.606, 81.7. Shops differ by factors:
`SPREAD` is wider than these three are apart in r and α.
"""

from __future__ import annotations

TRANSACTIONS = {
    "bgnbd": (0.5, 60.0, 0.8, 2.5),
    "mbgnbd": (0.7, 70.0, 0.9, 2.0),
    "pareto": (0.6, 75.0, 0.7, 100.0),
}
"""Parameters in the models' order; times in days."""
SPEND = (5.0, 4.0, 0.6)
"""p, q and v of Gamma-Gamma, v in mean purchases; what is expected of a new customer is one mean purchase."""
SPREAD = 1.0
"""How far, as a standard deviation of the logarithm, shops are taken to be apart in each parameter."""
