"""A belief in few bytes: what a picture can show survives, whatever its shape."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.inside.packed import VISIBLE, PackedFit


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrays(np.float32, st.integers(1, 300), elements=st.floats(0, 1, width=32)))
def test_unpacked_is_within_half_a_step(fit):
    packed = PackedFit.of(fit)
    assert np.abs(packed.unpacked() - fit).max() <= VISIBLE / 2 + 1e-6
    assert packed.unpacked().shape == fit.shape


def test_only_what_is_seen_is_kept():
    fit = np.zeros(5000, np.float32)
    fit[1234:1240] = (0.1, 0.5, 1.0, 0.4, 0.2, 0.1)
    packed = PackedFit.of(fit)
    assert packed.heaviest == 1236 and packed.steps.nbytes == 6
    assert PackedFit.of(np.zeros(10, np.float32)).unpacked().sum() == 0
