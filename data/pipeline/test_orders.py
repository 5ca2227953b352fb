"""The stages do what they should, at small and at large batches."""

import numpy as np
from orders import decode, orders, pipeline, score


def test_every_record_is_decoded():
    batch = orders(100, np.random.default_rng(0))
    assert len(decode(batch)) == 100


def test_scores_rank_the_records():
    assert score(np.array([3.0, 1.0, 2.0])).tolist() == [1, 2, 0]


def test_batches_go_through_all_stages():
    pipeline.rehearse(1, 1000)
