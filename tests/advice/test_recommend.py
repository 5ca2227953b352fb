"""Recommendation of batch and wait, and the settings of known systems."""

import pytest
from own_laws import affine

from aethermodel.advice.latency_under_load import Server
from aethermodel.advice.recommend import MARGIN, recommend
from aethermodel.published.batching_settings import load_systems, system


@pytest.fixture(scope="module")
def law():
    return affine()


@pytest.mark.parametrize("arrivals", ["poisson", "bursty", "steady"])
def test_the_target_is_kept_and_the_wait_is_as_long_as_it_may_be(law, arrivals):
    found = recommend(law, 40e3, 5e-3, arrivals=arrivals)
    assert found.p99.high <= 5e-3
    assert found.p50.value < found.p99.value
    server = Server(law)
    longer = server.percentile(
        40e3, found.batch, 0.99, arrivals=arrivals, hold_seconds=1.2 * found.wait_seconds + 1e-4
    )
    assert longer > 0.95 * MARGIN * 5e-3
    assert found.headroom > 1
    assert found.utilisation == pytest.approx(40e3 / server.capacity(found.batch))


def test_settings_have_their_documented_names_and_units(law):
    found = recommend(law, 40e3, 5e-3, "kafka", record_bytes=100)
    batch, wait = found.settings
    assert (batch.name, batch.value, batch.unit) == ("batch.size", 100 * found.batch, "bytes")
    assert (wait.name, wait.value, wait.unit) == ("linger.ms", 1e3 * found.wait_seconds, "ms")
    assert wait.value == int(wait.value)
    assert "kafka.apache.org" in wait.source
    (delay,) = recommend(law, 40e3, 5e-3, "triton").settings[1:]
    assert delay.name == "dynamic_batching.max_queue_delay_microseconds"
    assert 1e3 < delay.value < 5e3


@pytest.mark.parametrize(
    ("rate", "target", "said"),
    [
        (40e3, 1e-4, "no room for two"),
        (1e6, 5e-3, "take 5 servers"),
        (0, 1, "rate is a finite number above 0"),
        (1, float("nan"), "P99 target"),
    ],
)
def test_what_cannot_be_kept_is_said(law, rate, target, said):
    with pytest.raises(ValueError, match=said):
        recommend(law, rate, target)


def test_bytes_without_the_size_of_a_record_and_unknown_systems(law):
    with pytest.raises(ValueError, match=r"batch\.size of Kafka producer is in bytes"):
        recommend(law, 40e3, 5e-3, "kafka")
    with pytest.raises(ValueError, match=r"no system 'abacus'.*triton"):
        recommend(law, 40e3, 5e-3, "abacus")
    with pytest.raises(ValueError, match="arrivals are poisson"):
        recommend(law, 40e3, 5e-3, arrivals="sometimes")


def test_every_system_has_a_largest_batch_and_a_source():
    for name in load_systems():
        settings = system(name).settings(256, 0.0042, 100)
        assert any(setting.value in (256, 512, 25600) for setting in settings), name
        assert all(setting.source.startswith("https://") for setting in settings)


def test_a_wait_is_rounded_down_to_what_a_setting_can_say():
    assert system("kafka").rounded_wait(0.0042) == pytest.approx(0.004)
    assert system("triton").rounded_wait(0.00420049) == pytest.approx(0.0042)
    assert system("ray-serve").rounded_wait(0.00420049) == 0.00420049
    assert system("redis").rounded_wait(0.0042) == 0.0042
    (count,) = system("rabbitmq").settings(60_000, 0, None)
    assert count.value == 65535
