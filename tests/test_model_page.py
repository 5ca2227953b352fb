"""docs/model.md prints the code's own formulas, each with a source, and they say what it does."""

import re
from pathlib import Path

import numpy as np
import pytest
import sympy

from aethermodel import thresholds
from aethermodel.calibrate import fit_term, next_point
from aethermodel.calibrate.calibration.calibration import Prediction
from aethermodel.calibrate.calibration.composition import compose
from aethermodel.calibrate.term_fit import joint_distribution as joint
from aethermodel.calibrate.term_fit.fit_formulas import fit_equations
from aethermodel.calibrate.term_fit.samples import summarise
from aethermodel.laws.law_formulas import law_equations
from aethermodel.model.bulk_chain import queue_at_start
from aethermodel.model.model_formulas import model_equations
from aethermodel.model.queueing.batch_service import serve, stability_limit
from aethermodel.model.queueing.host_pace import HostPace
from aethermodel.model.queueing.pauses import Pauses
from aethermodel.model.scaling.scalability import Scalability

PAGE = (Path(__file__).parents[1] / "docs" / "model.md").read_text("utf-8")
EQUATIONS = model_equations() | fit_equations() | law_equations()
SECTION = re.compile(r"^### (.+)\n.+\n\n```math\n(.+)\n```\n\nSource: (.+)\.$", re.MULTILINE)


def value(name, **figures):
    """Right side of a formula in figures."""
    right = EQUATIONS[name].equation.rhs
    symbols = {s.name: s for s in right.free_symbols}
    assert symbols.keys() == figures.keys()
    return float(right.subs({symbols[key]: figure for key, figure in figures.items()}))


def test_the_page_has_every_formula_once_and_nothing_else():
    titles = [title[0].lower() + title[1:] for title, _, _ in SECTION.findall(PAGE)]
    assert sorted(titles) == sorted(EQUATIONS)
    assert PAGE.count("```math") == len(EQUATIONS)


@pytest.mark.parametrize("name", EQUATIONS)
def test_page_and_code_have_the_same_formula_and_source(name):
    printed = {title.lower(): (latex, source) for title, latex, source in SECTION.findall(PAGE)}
    assert printed[name.lower()] == (EQUATIONS[name].latex, EQUATIONS[name].source)
    assert len(EQUATIONS[name].source) > 15


def test_the_speedup_is_greatest_at_the_best_count_of_workers():
    law = Scalability(0.1, 0.002)
    assert value("best workers", sigma=0.1, kappa=0.002) == pytest.approx(law.best)
    assert value("speedup", p=5, sigma=0.1, kappa=0.002) == pytest.approx(float(law.speedup(5)))


def test_events_of_a_set_cost_by_the_page_what_the_fit_says():
    n = np.repeat([1.0, 10, 100, 1_000, 2_000, 4_000, 8_000, 16_000], 3)
    fit = fit_term(n, 2e-6 + 3e-9 * n + 5e-9 * np.maximum(0, n - 2_000), knees=[2_000])
    figures = dict(zip(("t_kernel", "t_event", "t_beyond"), fit.values, strict=True))
    for size in (1, 300, 6_000):
        said = value("kernel out of a larger set", N=size, M=6_000, N_level=2_000, **figures)
        assert said == pytest.approx(float(fit.among(6_000).predict(size)[0]))


def test_the_queues_formulas_are_those_of_the_chain_and_of_the_server():
    rate, largest, table = 3.0, 4, np.array([0.2, 0.25, 0.3, 0.35])
    at_limit = EQUATIONS["stability"].equation.lhs.replace(sympy.Function("T"), lambda _: 0.35)
    load = {s.name: s for s in at_limit.free_symbols}
    limit = stability_limit(lambda n: table[n.astype(int) - 1], largest)
    assert float(at_limit.subs({load["lambda"]: limit, load["B"]: largest})) == pytest.approx(1)
    # One step of the chain by the formulas leaves its stationary distribution as it is.
    right = EQUATIONS["next queue"].equation.rhs
    ordered = sorted(right.free_symbols, key=str)
    following, names = sympy.lambdify(ordered, right), [s.name for s in ordered]
    arrived = EQUATIONS["arrivals in a service"].equation.rhs
    arrived = arrived.replace(sympy.Function("T"), lambda _: sympy.Symbol("T"))
    chance = sympy.lambdify(sorted(arrived.free_symbols, key=str), arrived)
    start = queue_at_start(rate, table)
    after = np.zeros(start.size + 30)
    for q, share in enumerate(start, 1):
        for j in range(30):
            given = {"q": q, "B": largest, "j": j}
            there = int(following(*(given[name] for name in names)))
            after[there - 1] += share * chance(table[min(q, largest) - 1], j, rate)
    assert after[:20] == pytest.approx(start[:20], abs=1e-9)


def test_an_events_latency_in_a_trace_is_the_formula():
    table = np.array([1.0, 1.5])
    # The first starts a service of one at 0; five come during it.
    waited = serve(np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]), table)
    right = EQUATIONS["latency in the queue"].equation.rhs
    t = sympy.Function("T")
    symbols = {s.name: s for s in right.free_symbols}
    for ahead, at in enumerate((0.1, 0.2, 0.3, 0.4, 0.5)):
        own = 2 if ahead < 4 else 1
        given = {"n": 1, "u": at, "A": ahead, "B": 2, "m": own}
        figure = right.subs({symbols[key]: number for key, number in given.items()})
        figure = figure.subs({t(1): 1.0, t(2): 1.5})
        assert waited[1 + ahead] == pytest.approx(float(figure))


def test_the_share_of_pauses():
    assert Pauses(10.0, np.array([0.01, 0.03])).share == value("pauses", f=10.0, d=0.02)


def test_the_pace_of_a_host():
    (integral,) = EQUATIONS["host pace"].equation.atoms(sympy.Integral)
    speed = integral.function.func
    steps = sympy.Piecewise((0.5, integral.variables[0] < 2), (1, True))
    until = next(s for s in integral.free_symbols)
    shown = integral.replace(speed, lambda _: steps).subs(until, 3).doit()
    clock = HostPace(1.0, np.array([0.5, 0.5, 1.0])).clock(3.0)
    assert clock.running(np.array([3.0]))[0] == pytest.approx(float(shown))


def noisy_fit(noise=0.03):
    rng = np.random.default_rng(4)
    n = np.repeat(2.0 ** np.arange(11), 5)
    return n, fit_term(n, (4e-6 + 8e-9 * n) * (1 + noise * rng.standard_normal(n.size)))


def test_location_and_scale_of_repeats():
    """At the location the biweights of the formula balance the samples about it."""
    times = np.array([1.0, 1.01, 0.99, 1.02, 0.985, 1.4])
    found = summarise(np.ones(6), times)
    location = found.seconds[0]
    deviation = np.sort(np.abs(times / np.median(times) - 1))[1:] * np.sqrt(6 / 5)
    scale = value("robust scale", m=float(np.median(deviation)))
    weights = [
        value("biweight", r=abs(t - location), s=location * scale, c=thresholds.OUTLIER_CUTOFF)
        for t in times
    ]
    assert np.average(times, weights=weights) == pytest.approx(location, rel=1e-3)
    assert weights[-1] == 0
    assert found.outliers.tolist() == [1]


def test_a_fit_minimises_the_printed_deviance():
    _, fit = noisy_fit()
    samples, best = fit.samples, fit.chosen.regression

    def deviance(scale):
        x = samples.seconds / (fit.form.design(samples.n) @ (fit.values * scale)) - 1
        return 2 * float(np.sum(samples.kept * (x - np.log(1 + x))))

    assert deviance(np.ones(2)) == pytest.approx(best.deviance, rel=1e-9)
    for step in ([1.01, 1], [0.99, 1], [1, 1.01], [1, 0.99]):
        assert deviance(np.array(step)) > best.deviance
    assert "\\log" in EQUATIONS["deviance"].latex


def test_intervals_are_the_printed_ones():
    from scipy.stats import t as student

    _, fit = noisy_fit()
    sizes = np.array([64.0, 65536.0])
    gradient = fit.form.gradient(sizes, fit.values)
    law = np.einsum("ij,jk,ik->i", gradient, fit.covariance, gradient)
    quantile = float(student.ppf(0.975, fit.freedom))
    mean, low, _ = fit.predict(sizes)
    _, new, _ = fit.predict(sizes, kind="observation")
    for i in range(2):
        half = value("interval of the mean", t=quantile, v_law=law[i])
        own = value("interval of a sample", t=quantile, v_law=law[i], phi=fit.noise, mu=mean[i])
        assert mean[i] - low[i] == pytest.approx(half, rel=1e-9)
        assert mean[i] - new[i] == pytest.approx(own, rel=1e-9)


def test_a_draw_at_a_bound_is_the_printed_one():
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    centre = np.array([-3.0, 20.0])
    bounded, _ = joint.draw(centre, covariance, 50, 2, 100, np.random.default_rng(0))
    free, _ = joint.draw(centre, covariance, 50, 0, 100, np.random.default_rng(0))
    below = free[:, 0] < 0
    assert below.any() and (bounded[below, 0] == 0).all()
    for y, found in zip(free[below], bounded[below, 1], strict=True):
        assert found == pytest.approx(
            value("draw at a bound", y_i=y[1], y_j=y[0], C_ij=1.5, C_jj=4.0)
        )


def test_choice_and_next_point_are_the_printed_ones():
    _, fit = noisy_fit()
    regression, m = fit.chosen.regression, fit.samples.n.size
    figures = {"m": m, "k": fit.form.freedom + 1, "R": regression.square_sum}
    assert fit.chosen.aicc == pytest.approx(value("corrected Akaike", **figures))
    rows = regression.rows
    leverage = np.diag(rows @ np.linalg.pinv(rows))
    errors = [
        value("held-out error", e_i=e, h_i=h) / np.sqrt(kept)
        for e, h, kept in zip(regression.residual, leverage, fit.samples.kept, strict=True)
    ]
    assert fit.chosen.held_out == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    best = next_point(fit)
    size = np.array([best.n])
    gradient = fit.form.gradient(size, fit.values)[0] / fit.predict(size)[0][0]
    law = float(gradient @ fit.covariance @ gradient)
    figures = {"r": best.repeats, "v_law": law, "v": fit.variance}
    assert best.shrinkage == pytest.approx(value("next point", **figures))


def test_two_processes_run_at_the_slower():
    zero = np.zeros(1)
    consumer = Prediction(np.array([100.0]), zero + 1e-6, zero, zero + 2e-6, {"kernel": zero})
    for seconds in (0.5e-6, 3e-6):
        producer = Prediction(consumer.n, zero + seconds, zero, zero + 4e-6, {"send": zero})
        figures = {"T_consumer": 1e-6, "T_producer": seconds}
        composed = compose(consumer, producer)
        assert composed.seconds[0] == pytest.approx(value("two processes", **figures))
