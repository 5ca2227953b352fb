"""Processor quota of nested control groups: the least on the way up, in both versions."""

import pytest
from host_trees import GOOD, tree
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.doctor import examine
from aethermodel.doctor.quota import effective_quota

V2 = "30 23 0:26 {group} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "32 31 0:29 {group} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
OTHER = "33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"


def v1(folder: str, quota: int, period: int = 100_000) -> dict[str, str]:
    place = f"sys/fs/cgroup/cpu,cpuacct/{folder}"
    return {f"{place}/cpu.cfs_quota_us": str(quota), f"{place}/cpu.cfs_period_us": str(period)}


CASES = {
    "nested group, no limit of its own": (
        {
            "proc/self/cgroup": "0::/user.slice/run-7.scope",
            "proc/self/mountinfo": V2.format(group="/"),
            "sys/fs/cgroup/user.slice/cpu.max": "50000 100000",
            "sys/fs/cgroup/user.slice/run-7.scope/cpu.max": "max 100000",
        },
        0.5,
    ),
    "the narrowest of three": (
        {
            "proc/self/cgroup": "0::/a/b/c",
            "proc/self/mountinfo": V2.format(group="/"),
            "sys/fs/cgroup/a/cpu.max": "400000 100000",
            "sys/fs/cgroup/a/b/cpu.max": "60000 50000",
            "sys/fs/cgroup/a/b/c/cpu.max": "200000 100000",
        },
        1.2,
    ),
    "a neighbour's limit is not ours": (
        {
            "proc/self/cgroup": "0::/a/b",
            "proc/self/mountinfo": V2.format(group="/"),
            "sys/fs/cgroup/a/other/cpu.max": "10000 100000",
            "sys/fs/cgroup/a/b/inner/cpu.max": "10000 100000",
        },
        None,
    ),
    "a container that sees its group as the root": (
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": V2.format(group="/"),
            "sys/fs/cgroup/cpu.max": "150000 100000",
        },
        1.5,
    ),
    "a container whose group alone is mounted": (
        {
            "proc/self/cgroup": "0::/docker/0123/inner",
            "proc/self/mountinfo": V2.format(group="/docker/0123"),
            "sys/fs/cgroup/cpu.max": "300000 100000",
            "sys/fs/cgroup/inner/cpu.max": "100000 100000",
        },
        1.0,
    ),
    "a group of another namespace": (
        {
            "proc/self/cgroup": "0::/../other",
            "proc/self/mountinfo": V2.format(group="/"),
            "sys/fs/cgroup/cpu.max": "70000 100000",
            "sys/fs/other/cpu.max": "10000 100000",
        },
        0.7,
    ),
    "version 1, nested": (
        {
            "proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/batch/job 1\n",
            "proc/self/mountinfo": OTHER + V1.format(group="/"),
            **v1("batch", 120_000),
            **v1("batch/job 1", -1),
        },
        1.2,
    ),
    "version 1 in a container": (
        {
            "proc/self/cgroup": "3:cpuacct,cpu:/docker/0123",
            "proc/self/mountinfo": V1.format(group="/docker/0123"),
            **v1("", 25_000, 50_000),
        },
        0.5,
    ),
    "both versions mounted": (
        {
            "proc/self/cgroup": "3:cpu,cpuacct:/a\n0::/b",
            "proc/self/mountinfo": V1.format(group="/")
            + V2.format(group="/").replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"),
            **v1("a", 175_000),
            "sys/fs/cgroup/unified/b/cpu.max": "max 100000",
        },
        1.75,
    ),
    "a mount point with a blank": (
        {
            "proc/self/cgroup": "0::/a b",
            "proc/self/mountinfo": V2.format(group="/").replace("cgroup rw", "c\\040g rw"),
            "sys/fs/c g/a b/cpu.max": "50000 100000",
        },
        0.5,
    ),
    "nothing can be read": ({}, None),
    "damaged": (
        {
            "proc/self/cgroup": "what\n0::\n::::",
            "proc/self/mountinfo": "a b\n - \n" + V2.format(group="/"),
            "sys/fs/cgroup/cpu.max": "much 0 1",
        },
        None,
    ),
    "a period of none": (
        {
            "proc/self/cgroup": "0::/",
            "proc/self/mountinfo": V2.format(group="/"),
            "sys/fs/cgroup/cpu.max": "5 0",
        },
        None,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_quota_is_the_least_on_the_way_up(tmp_path, case):
    files, quota = CASES[case]
    assert effective_quota(tree(tmp_path, files)) == quota


def test_one_core_of_a_nested_group_is_bad(tmp_path):
    files = CASES["nested group, no limit of its own"][0]
    findings = {f.name: f for f in examine(roots=tree(tmp_path, GOOD | files))}
    line = findings["two free cores"]
    assert line.level == "bad"
    assert "quota 0.5" in line.value


@given(st.lists(st.none() | st.integers(1_000, 1_000_000), min_size=1, max_size=6))
def test_any_nest_grants_its_least(tmp_path_factory, quotas):
    names = [f"g{i}" for i in range(len(quotas))]
    files = {
        "proc/self/cgroup": f"0::/{'/'.join(names)}",
        "proc/self/mountinfo": V2.format(group="/"),
    }
    for place, quota in enumerate(quotas):
        folder = "/".join(names[: place + 1])
        files[f"sys/fs/cgroup/{folder}/cpu.max"] = f"{'max' if quota is None else quota} 100000"
    expected = min((q / 100_000 for q in quotas if q is not None), default=None)
    assert effective_quota(tree(tmp_path_factory.mktemp("host"), files)) == expected
