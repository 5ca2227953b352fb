"""Parameters in the names of benchmarks: which numbers vary, and what is left of the name."""

import pytest

from aethermodel.readers.benchmarks.benchmark_names import parameters_of


@pytest.mark.parametrize(
    ("names", "family", "parameters"),
    [
        (["sort[10]", "sort[100]"], "sort", [{"n": 10}, {"n": 100}]),
        (["sha256-1024", "sha256-4096"], "sha256", [{"n": 1024}, {"n": 4096}]),
        (["sort n=10 k=3", "sort n=100 k=3"], "sort k=3", [{"n": 10}, {"n": 100}]),
        (["BM_copy/64/8", "BM_copy/64/16"], "BM_copy/64", [{"n": 8}, {"n": 16}]),
        (["BM/bytes:64", "BM/bytes:1k", "BM/bytes:128"], None, None),
        (["f[a-10]", "f[a-20]"], "f[a]", [{"n": 10}, {"n": 20}]),
        (["f(10, 20)", "f(100, 20)"], "f(20)", [{"n": 10}, {"n": 100}]),
        (["copy 1K", "copy 64KiB"], "copy", [{"n": 1024}, {"n": 65536}]),
        (["t_10_list", "t_100_list"], "t_list", [{"n": 10}, {"n": 100}]),
        (["g/1e3", "g/1e5"], "g", [{"n": 1e3}, {"n": 1e5}]),
        (["g/1/2", "g/3/4"], "g", [{"n1": 1, "n2": 2}, {"n1": 3, "n2": 4}]),
        (["alone 7"], "alone 7", [{}]),
    ],
)
def test_numbers_that_vary_are_parameters(names, family, parameters):
    said = parameters_of(names)
    if family is None:  # one of them is no number of memory
        assert {one.family for one in said} == {"BM", "BM/bytes:1k"}
        return
    assert [one.parameters for one in said] == parameters
    assert {one.family for one in said} == {family}
