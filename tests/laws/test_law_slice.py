"""Laws of two variables: either of them may be the workers; and one value of the second fixed."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import aether

from aethermodel import Laws, fit, read
from aethermodel.advice.law_answers import answers
from aethermodel.inputs.refusals import InputError

SAMPLE = Path(__file__).parents[1] / "readers" / "samples" / "extra_p.jsonl"
SIZES, BYTES = np.array([1.0, 10, 100, 1000]), np.array([64.0, 1024, 16384])


def two(each=3e-9, noise=0.01):
    n, b = (axis.ravel() for axis in np.meshgrid(np.repeat(SIZES, 3), BYTES))
    seconds = (2e-6 + 50e-9 * n + each * n * b) * np.exp(
        np.random.default_rng(0).normal(0, noise, n.size)
    )
    return fit({"n": n, "bytes": b, "t": seconds}, size="n", time="t", second="bytes").only()


@pytest.mark.parametrize(("size", "other"), [("p", "size"), ("size", "p")])
def test_work_over_workers_is_found_whichever_of_them_is_the_size(size, other):
    """1 ms + 1 ms size / p: with p as the size no law was found at all."""
    law = fit(read(SAMPLE, unit="ms", size=size)).only()
    assert law.holds and law.second_name == other
    band = law.predict(64.0 if size == "p" else 80.0, second=80.0 if size == "p" else 64.0)
    assert band.seconds == pytest.approx(1e-3 + 1e-3 * 80 / 64, rel=0.02)
    assert f"N is {size} and M {other}" in law.verdict[0]


def test_a_section_says_what_the_law_says_there():
    law = two()
    at = law.at(1024)
    assert (at.second_name, at.family, at.name) == ("", "affine", "bytes=1,024")
    n = np.array([1.0, 50, 1000, 4000])
    for kind in ("mean", "new"):
        whole, own = law.predict(n, second=1024, of=kind), at.predict(n, of=kind)
        for one, other in zip(whole, own, strict=True):
            assert own is not None and one == pytest.approx(other)
    assert at.sizes.tolist() == SIZES.tolist()
    assert at.parameters[0].value == pytest.approx(2e-6, rel=0.02)
    assert at.parameters[1].value == pytest.approx(50e-9 + 3e-9 * 1024, rel=0.02)
    low, high = at.parameters[1].low, at.parameters[1].high
    assert low < 50e-9 + 3e-9 * 1024 < high
    assert np.std(np.log(at.draws(n, 500)), axis=0) == pytest.approx(
        np.std(np.log(law.draws(n, 500, second=np.full(4, 1024.0))), axis=0), rel=0.15
    )


def test_answers_of_a_section_are_those_of_its_law():
    found = answers(two().at(1024), rate=1e5, latency=1e-3)
    each = 50e-9 + 3e-9 * 1024
    assert found.n_half.value == pytest.approx(2e-6 / each, rel=0.03)
    assert found.for_rate.size.value == pytest.approx(1e5 * 2e-6 / (1 - 1e5 * each), abs=1)
    assert found.p99 is not None


def test_a_value_that_was_not_measured_is_said():
    law = two()
    assert "no measurement at this bytes" in law.at(2048).verdict[0]
    assert "extrapolated: bytes was measured from 64 to 16,384" in law.at(1e6).verdict[0]
    assert law.at(2048).means == pytest.approx(law.predict(SIZES, second=2048).seconds)
    for value in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="bytes is a finite number"):
            law.at(value)
    with pytest.raises(InputError, match="no second variable"):
        law.at(1024).at(2)
    workers = fit(read(SAMPLE, unit="ms", size="size")).only()
    with pytest.raises(InputError, match="no time at p = 0"):
        workers.at(0)


def test_a_law_file_keeps_the_second_variable(tmp_path):
    laws = Laws({"": two()})
    laws.save(tmp_path / "law.json")
    again = Laws.load(tmp_path / "law.json").only()
    assert again.second.tolist() == laws[""].second.tolist()
    assert again.at(1024).predict(50).seconds == laws[""].at(1024).predict(50).seconds
    document = json.loads((tmp_path / "law.json").read_text())
    document["laws"][0]["second"].pop()
    (tmp_path / "law.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="value of the second variable"):
        Laws.load(tmp_path / "law.json")


def test_commands_take_a_value_of_the_second_variable(tmp_path):
    law = str(tmp_path / "law.json")
    asked = ("--unit", "ms", "--size", "size", "--no-plot")
    told = aether("fit", str(SAMPLE), *asked, "-o", law)
    assert told.returncode == 0 and "--at p=VALUE, 4 to 32 were measured" in told.stderr
    told = aether("fit", str(SAMPLE), *asked, "--at", "p=16")
    assert told.returncode == 0 and "at p = 16: T =" in told.stdout
    assert "half of it at N = 15" in told.stdout
    told = aether("predict", law, "-n", "80", "--at", "p=16", "--json", "-")
    (row,) = json.loads(told.stdout)["rows"]
    assert row["seconds"] == pytest.approx(1e-3 + 1e-3 * 80 / 16, rel=0.02)
    told = aether("recommend", law, "--rate", "1000", "--p99", "80ms", "--at", "p=64")
    assert told.returncode == 0 and "extrapolated: p was measured" in told.stdout
    for wrong, line in (("q=4", "no second variable 'q'"), ("4", "wanted is such as bytes=4096")):
        told = aether("predict", law, "--at", wrong)
        assert told.returncode == 2 and line in told.stderr
        assert told.stderr.count("\n") == 1
    told = aether("predict", law)
    assert told.returncode == 2 and "--at p=VALUE" in told.stderr
