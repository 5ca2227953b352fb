"""Law file: what is written is read again, and nothing else is."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel import Laws
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.fit import fit_series
from aethermodel.laws.law import Law
from aethermodel.readers.measurements import Series

N = 2.0 ** np.arange(10)


def laws():
    rng = np.random.default_rng(0)
    threads = np.tile([1.0, 2.0], 5)
    return {
        "holds": Series(
            {}, np.repeat(N, 3), np.repeat(1e-6 + 1e-9 * N, 3) * rng.uniform(1, 1.1, 30)
        ),
        "joined": Series({}, N, 1e-6 * np.exp(np.sin(np.arange(10)))),
        "nothing": Series({}, np.append(0, N), np.append(1e-9, 1e-6 + 1e-9 * N)),
        "two": Series({}, N, 1e-6 + 1e-8 * N * threads, second={"threads": threads}),
        "one": Series({}, N[:1], np.array([1e-6])),
        "bottleneck": Series({}, N, np.maximum(1e-6, 1.1e-8 * N)),
    }


@pytest.mark.parametrize("kind", laws())
def test_a_law_read_again_predicts_the_same(kind, tmp_path):
    law = fit_series(laws()[kind])
    path = tmp_path / "law.json"
    Laws({law.name: law}).save(path)
    again = Laws.load(path).only()
    at = np.array([0.0, 1.0, 3.0, 1e3, 1e5])
    second = {"second": 2.0} if law.second_name else {}
    for of in ("mean", "new"):
        np.testing.assert_array_equal(
            law.predict(at, of=of, **second), again.predict(at, of=of, **second)
        )
    np.testing.assert_array_equal(law.draws(at, 5, **second), again.draws(at, 5, **second))
    assert again.document() == law.document()
    assert again.expression == law.expression


class Own(Law):
    """A law of somebody's own class."""


def test_what_is_read_or_cut_is_of_the_class_that_was_asked():
    law = fit_series(laws()["two"])
    own = Own.from_document(law.document())
    assert type(own) is Own and type(own.at(2.0)) is Own
    again = pickle.loads(pickle.dumps(own))
    assert type(again) is Own and again.document() == law.document()
    cut = Laws({"a": own}).at("threads", 2.0)
    assert type(cut["a"]) is Own and cut["a"].name == "threads=2"


def test_no_text_of_a_file_is_evaluated(tmp_path):
    document = fit_series(laws()["holds"]).document()
    for change in (
        {"terms": [{"kind": "__import__('os')"}]},
        {"family": "eval"},
        {"coefficients": ["1"]},
        {"extra": 1},
        {"covariance": [[1.0]]},
        {"sizes": [2.0, 1.0], "seconds": [1.0, 1.0]},
        {"noise": float("inf")},
        {"freedom": 0.0},
    ):
        with pytest.raises(InputError):
            Law.from_document(document | change)
    path = tmp_path / "law.json"
    for text in ("", "{", "[]", '{"schema": "aethermodel.law/2", "laws": []}', "\xff"):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(InputError, match=r"law\.json"):
            Laws.load(path)
    with pytest.raises(InputError, match="nowhere"):
        Laws.load(tmp_path / "nowhere")


def _places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:2])
    for key, inner in items if isinstance(value, dict | list) else ():
        if isinstance(inner, dict | list):
            yield from _places(inner, (*path, key))
        else:
            yield (*path, key)


DOCUMENTS = [fit_series(series).document() for series in laws().values()]
PLACES = [[path for path in _places(document) if path] for document in DOCUMENTS]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=3),
    st.lists(st.floats(), max_size=3), st.just({}),
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_changed_file_is_a_law_or_one_line(data):
    kind = data.draw(st.integers(0, len(DOCUMENTS) - 1))
    document = json.loads(json.dumps(DOCUMENTS[kind]))
    path = data.draw(st.sampled_from(PLACES[kind]))
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = data.draw(VALUES)
    try:
        law = Law.from_document(document)
    except InputError as error:
        assert "\n" not in str(error)
        return
    at = np.array([0.0, 2.0, 1e4])
    second = {"second": 2.0} if law.second_name else {}
    assert law.predict(at, **second).seconds.shape == (3,)
