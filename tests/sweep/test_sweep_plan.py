"""A sweep is checked as a whole before anything runs."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aethermodel.measure.probes import PROBES
from aethermodel.sweep.plan import Sweep, parse_axes, parse_axis, read_sweep_file

axes = st.fixed_dictionaries(
    {},
    optional={
        "batch_size": st.lists(st.integers(1, 2**24), min_size=1, max_size=4, unique=True),
        "topics": st.lists(st.integers(1, 65_536), min_size=1, max_size=4, unique=True),
        "pool": st.lists(st.integers(1, 1024), min_size=1, max_size=3, unique=True),
    },
)


@given(axes, st.integers(1, 4), st.integers(0, 2**32))
def test_the_jobs_are_all_combinations_once_in_each_repeat(parameters, repeats, seed):
    sweep = Sweep(probe="kernel", parameters=parameters, repeats=repeats, seed=seed)
    defaults = PROBES["kernel"].settings().model_dump()
    expected = sorted(
        json.dumps(defaults | dict(zip(parameters, values, strict=True)), sort_keys=True)
        for values in itertools.product(*parameters.values())
    )
    jobs = sweep.jobs()
    assert [job.order for job in jobs] == list(range(len(jobs)))
    assert [job.repeat for job in jobs] == sorted(job.repeat for job in jobs)
    for repeat in range(repeats):
        block = [job.parameters for job in jobs if job.repeat == repeat]
        assert sorted(json.dumps(point, sort_keys=True) for point in block) == expected
    assert jobs == sweep.jobs()


def test_each_repeat_has_an_order_of_its_own_and_a_seed_another():
    def orders(seed):
        sweep = Sweep(
            probe="ffi", parameters={"batch_size": list(range(1, 30))}, repeats=2, seed=seed
        )
        sizes = [job.parameters["batch_size"] for job in sweep.jobs()]
        return sizes[:29], sizes[29:]

    assert len({tuple(order) for seed in (0, 1) for order in orders(seed)}) == 4


@given(axes)
def test_what_a_sweep_is_written_as_is_read_as_the_same_sweep(parameters):
    sweep = Sweep(probe="kernel", parameters=parameters)
    again = Sweep.model_validate_json(sweep.model_dump_json())
    assert again == sweep
    assert again.points == sweep.points


scalars = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.from_regex(r"[a-z]{1,8}(,[a-z0-9]{1,4})*", fullmatch=True).filter(
        lambda text: text not in ("true", "false", "none", "nan", "inf", "infinity")
    ),
)


@given(st.lists(scalars, min_size=1, max_size=6))
def test_a_value_on_the_command_line_is_read_as_what_it_is(values):
    text = ",".join(f'"{v}"' if isinstance(v, str) and "," in v else str(v) for v in values)
    name, read = parse_axis(f"axis={text}")
    assert name == "axis"
    assert read == values
    assert [type(value) for value in read] == [type(value) for value in values]


@pytest.mark.parametrize("text", ["", "a", "a=", "=1", "a b=1", "1a=2"])
def test_an_axis_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="-p wants NAME=VALUE"):
        parse_axis(text)


def test_an_axis_given_twice_is_refused():
    with pytest.raises(ValueError, match="-p a is given twice"):
        parse_axes(["a=1", "a=2"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "either a probe or a notebook"),
        ({"probe": "ffi", "notebook": "x.ipynb"}, "either a probe or a notebook"),
        ({"probe": "warp"}, "no probe 'warp'; there are loop"),
        ({"notebook": "missing.ipynb"}, "no notebook missing.ipynb"),
        ({"probe": "ffi", "parameters": {"fabric": ["shm"]}}, "no parameter 'fabric'; it has"),
        ({"probe": "ffi", "parameters": {"batch_size": [1, "x"]}}, "valid integer"),
        ({"probe": "ffi", "parameters": {"batch_size": [1, 0]}}, "greater than or equal to 1"),
        ({"probe": "ffi", "parameters": {"batch_size": []}}, "batch_size: no values"),
        ({"probe": "ffi", "parameters": {"batch_size": [3, 3]}}, "given twice"),
        ({"probe": "ffi", "parameters": {"batch_size": [3, "3"]}}, "given twice"),
        (
            {"probe": "loop", "parameters": {"calls": [1, 20], "topics": 8}},
            "20 handlers need as many topics, there are 8",
        ),
        (
            {"probe": "ffi", "parameters": {"pool": list(range(1, 900))}, "repeats": 200},
            "more than",
        ),
        ({"probe": "ffi", "repeats": 0}, "greater than or equal to 1"),
        ({"probe": "ffi", "timeout_seconds": 0}, "greater than 0"),
        ({"probe": "ffi", "noise_gate": 2}, "less than or equal to 1"),
        ({"probe": "ffi", "repeat": 3}, "Extra inputs"),
        ({"probe": "ffi", "parameters": [1]}, "valid dictionary"),
        ({"notebook": "10_upper_bound.ipynb", "parameters": {"n": 1}}, "has no parameter 'n'"),
        ({"notebook": "10_upper_bound.ipynb", "parameters": {"batch_size": "x"}}, "should be int"),
        ({"notebook": "10_upper_bound.ipynb", "parameters": {"batch_size": 0}}, "greater than"),
        (
            {"notebook": "30_model_vs_measured.ipynb", "parameters": {"event_loop": ["trio"]}},
            "'asyncio' or 'uvloop'",
        ),
        (
            {"notebook": "30_model_vs_measured.ipynb", "parameters": {"batch_sizes": ["1,x"]}},
            "valid integer",
        ),
    ],
)
def test_a_sweep_with_anything_wrong_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        Sweep.model_validate(given)


TOML = """
probe = "kernel"
repeats = 2
[parameters]
batch_size = [1, 10]
topics = 8
"""
YAML = "probe: kernel\nrepeats: 2\nparameters:\n  batch_size: [1, 10]\n  topics: 8\n"


@pytest.mark.parametrize(("name", "text"), [("s.toml", TOML), ("s.yaml", YAML), ("s.yml", YAML)])
def test_toml_and_yaml_say_the_same(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    sweep = Sweep.model_validate(read_sweep_file(tmp_path / name))
    assert sweep == Sweep(
        probe="kernel", repeats=2, parameters={"batch_size": [1, 10], "topics": [8]}
    )


def test_a_notebook_beside_the_file_is_found_from_anywhere(tmp_path):
    (tmp_path / "mine.ipynb").write_text('{"cells": [], "metadata": {}}')
    (tmp_path / "s.toml").write_text('notebook = "mine.ipynb"')
    sweep = Sweep.model_validate(read_sweep_file(tmp_path / "s.toml"))
    assert sweep.target.name == "mine.ipynb"
    assert sweep.points == ({},)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.toml", "probe = "),
        ("s.yaml", "a: ["),
        ("s.yaml", "- 1"),
        ("s.yaml", ""),
        ("s.json", "{}"),
        ("s.toml", b"\xff\xfe"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused_by_name(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=name):
        read_sweep_file(path)


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "data/sweeps").iterdir()), ids=lambda p: p.name
)
def test_the_projects_own_sweep_files_are_right(path):
    assert Sweep.model_validate(read_sweep_file(path)).jobs()
