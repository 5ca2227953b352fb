"""Fit of the laws of one's own measurements."""

import numpy as np

import aethermodel
from aethermodel import Laws, fit


def test_an_affine_law_is_found_saved_and_read_again(tmp_path):
    n = 2.0 ** np.arange(12)
    laws = fit({"n": n, "t": 2e-6 + 3e-9 * n}, size="n", time="t")
    law = laws.only()
    assert law.family == "affine"
    path = tmp_path / "law.json"
    laws.save(path)
    again = Laws.load(path).only()
    np.testing.assert_allclose(
        again.predict([100.0, 1e5]).seconds, law.predict([100.0, 1e5]).seconds
    )
    np.testing.assert_allclose(law.predict(1e5).seconds, 2e-6 + 3e-4, rtol=1e-6)
    assert law.draws([1.0, 5.0], 10).shape == (10, 2)
    assert "c0" in law._repr_html_() and law.plot() is not None
    assert str(law.expression) == "N*c1 + c0"
    assert aethermodel.Laws is Laws
