"""The guest's processor, which is emulated: what goes wrong there is not to be taken for ours."""

import numpy as np


def test_numpy_sorts_in_the_guest(guest: None) -> None:
    """By the emulated AVX2 it did not, and ended the process that fitted a law."""
    rng = np.random.default_rng(0)
    for count in (3, 13, 130, 400, 5000):
        for _ in range(20):
            whole, real = rng.integers(0, 9, count), rng.random(count)
            assert np.all(np.diff(whole[whole.argsort()]) >= 0)
            assert np.all(np.diff(real[real.argsort()]) >= 0)
