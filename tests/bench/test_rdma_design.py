"""The design: even, within bounds, decided by its seed, and split before anything is measured."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aethermodel.bench.rdma import sweep
from aethermodel.bench.rdma_design import LISTS, MOST_INLINE, SIGNALS, SIZES, design
from aethermodel.measure.host import rdma_devices as verbs_devices
from aethermodel.measure.host.rdma_devices import label_of
from aethermodel.measure.probes.verbs import DEPTH, Settings
from cython_core import rdma_available


def group(one):
    return one.settings.list_length, one.settings.signal_every, one.settings.message_bytes


@given(st.integers(12, 200), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_design_is_even_in_bounds_and_split_by_combination(count, seed):
    found = design(count, seed)
    assert found == design(count, seed)
    assert count * 0.9 <= len(found) <= count
    assert len({one.settings for one in found}) == len(found)
    for levels, name in ((LISTS, "list_length"), (SIGNALS, "signal_every")):
        seen = Counter(getattr(one.settings, name) for one in found)
        assert seen.keys() <= set(levels)
        assert max(seen.values()) <= count / len(levels) + 1
    for one in found:
        s = one.settings
        assert s.message_bytes in SIZES
        assert s.list_length + s.signal_every - 1 <= s.window <= DEPTH
        assert not s.inline or s.message_bytes <= MOST_INLINE
        assert s.messages * -(-s.message_bytes // 1024) <= 1024
    unseen = {group(one) for one in found if one.held_out}
    trained = {group(one) for one in found if not one.held_out}
    assert not unseen & trained
    assert abs(len(unseen) - len(unseen | trained) / 3) <= 0.5


def test_another_seed_is_another_split():
    splits = [tuple(one.held_out for one in design(96, seed)) for seed in range(4)]
    assert all(one != other for one, other in pairwise(splits))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 30}, "window must be at least"),
        ({"signal_every": 3, "window": 256}, "must divide 256"),
        ({"messages": 24, "signal_every": 16}, "must divide the other"),
        ({"message_bytes": 0}, "greater than or equal to 1"),
    ],
)
def test_a_setting_that_cannot_be_counted_exactly_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        Settings(**wrong)


def test_too_small_a_design_is_refused():
    with pytest.raises(ValueError, match="at least 12"):
        design(11, 0)


def test_a_device_in_software_is_labelled_so_by_whatever_name(tmp_path, monkeypatch):
    (tmp_path / "mlx5_0" / "device").mkdir(parents=True)
    (tmp_path / "fast").mkdir()  # on no bus
    (tmp_path / "named" / "device").mkdir(parents=True)
    (tmp_path / "named" / "parent").touch()  # rxe on a card's interface
    monkeypatch.setattr(verbs_devices, "_DEVICES", tmp_path)
    labels = {name: label_of(name) for name in ("mlx5_0", "fast", "named", "rxe0")}
    assert labels.pop("mlx5_0") == "rdma-nic"
    assert set(labels.values()) == {"soft-roce"}


@pytest.mark.skipif(rdma_available()[0], reason="there is a device here")
def test_without_a_device_the_reason_is_told():
    with pytest.raises(ValueError, match=r"no RDMA device: .*tools/guest/run.py"):
        sweep(12, 1, 1)
