"""The model that serves stores without a fit: the same table as `tabulate`'s, intervals that hold over shops."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from kiki.council.syncvalue.models import typical
from kiki.council.syncvalue.models.fitting import fit_transactions
from kiki.council.syncvalue.models.histories import Histories, Spend
from kiki.council.syncvalue.models.pooling import default_prior
from kiki.council.syncvalue.models.prediction import Terms, predict
from kiki.council.syncvalue.models.prior_ends import drawn_shops, prior_ends, typical_spend
from kiki.council.syncvalue.models.prior_model import ENDS, MODEL, prior_model
from kiki.council.syncvalue.models.tabled import Known

CUSTOMERS = Histories(
    np.array([0.0, 0.0, 1.0, 3.0, 8.0, 40.0]),
    np.array([0.0, 0.0, 30.0, 60.0, 300.0, 700.0]),
    np.array([0.0, 200.0, 60.0, 90.0, 310.0, 720.0]),
)
SPENT = Spend(CUSTOMERS.x + 1.0, np.array([1.0, 0.5, 2.0, 1.0, 0.8, 1.2]))


@pytest.mark.parametrize("discount", [0.01, 0.1, 0.5])
def test_it_says_what_the_typical_shops_model_says(discount: float) -> None:
    nobody = Histories(*[np.zeros(0)] * 3)
    model = fit_transactions(MODEL, nobody, "days", default_prior(MODEL))
    terms = Terms(yearly_discount=discount)
    want = predict(model, CUSTOMERS, terms=terms, spend_model=typical_spend(), spend=SPENT)
    got = prior_model(discount).serve(Known(CUSTOMERS.x, CUSTOMERS.t_x, CUSTOMERS.age, SPENT.purchases, SPENT.mean))
    np.testing.assert_allclose(got.p_alive, want.p_alive, rtol=1e-9)
    np.testing.assert_allclose(got.purchases, want.purchases, rtol=2e-3)
    np.testing.assert_allclose(got.value, want.value, rtol=2e-3)
    np.testing.assert_allclose(got.lifetime_value, want.lifetime_value, rtol=2e-3)


def test_a_new_customer_is_expected_to_spend_the_stores_mean_purchase_each_time() -> None:
    p, q, v = typical.SPEND
    assert p * v / (q - 1.0) == pytest.approx(1.0)


def test_the_ends_are_those_that_the_prior_gives() -> None:
    assert prior_ends() == pytest.approx(ENDS, abs=1e-4)


@pytest.mark.parametrize("spread", [0.3, 0.6, 1.0])
def test_intervals_hold_over_shops_that_nobody_knows(spread: float) -> None:
    """Ninety in a hundred customers of shops drawn about the typical one; a single shop may lie far off."""
    model = prior_model()
    held = []
    for shop in drawn_shops(150, 40, seed=8, spread=spread):
        found = model.serve(shop.known)
        held.append(((shop.spend >= found.low) & (shop.spend <= found.high)).mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.025)


def test_serving_needs_no_scipy() -> None:
    code = (
        "import sys; from kiki.council.syncvalue.models.prior_model import prior_model; prior_model();"
        " import kiki.council.syncvalue.valuing; sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
