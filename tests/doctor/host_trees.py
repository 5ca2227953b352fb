"""Trees like /proc and /sys, with what a test wants to stand in them."""

from pathlib import Path

from aethermodel.doctor import Roots

#: A quiet two-socket machine's first socket with one RoCE device: nothing is amiss.
GOOD = {
    "proc/self/limits": "Limit  Soft  Hard  Units\n"
    "Max locked memory         unlimited            unlimited            bytes\n",
    "proc/self/status": "Name:\tpython\nCapEff:\t0000000000000000\nCpus_allowed_list:\t0-3\n"
    "VmPin:\t       0 kB\n",
    "proc/self/uid_map": "0 0 4294967295",
    "proc/meminfo": "MemAvailable:   16777216 kB\nHugePages_Total:    1024\n"
    "HugePages_Free:     1024\nHugepagesize:       2048 kB\n",
    "proc/loadavg": "0.10 0.20 0.30 1/99 123",
    "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu avx2\n",
    "proc/stat": "cpu  100 0 100 99799 0 0 0 1 0 0\n",
    "proc/sys/kernel/perf_event_paranoid": "2",
    "proc/sys/net/ipv4/tcp_congestion_control": "cubic\n",
    "sys/devices/system/cpu/isolated": "2-3",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "1",
    "sys/devices/system/node/node0/cpulist": "0-3",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
    "sys/bus/event_source/devices/cpu/type": "4",
    "sys/class/infiniband/mlx5_0/device/numa_node": "0",
    "sys/class/infiniband/mlx5_0/ports/1/state": "4: ACTIVE",
    "sys/class/infiniband/mlx5_0/ports/1/link_layer": "Ethernet",
    "sys/class/infiniband/mlx5_0/ports/1/gids/0": "fe80:0000:0000:0000:0202:c9ff:fe00:0001",
    "sys/class/infiniband/mlx5_0/ports/1/gids/1": "0000:0000:0000:0000:0000:ffff:0a4d:0001",
    "sys/class/infiniband/mlx5_0/ports/1/gids/2": "0000:0000:0000:0000:0000:0000:0000:0000",
    "sys/class/infiniband/mlx5_0/ports/1/gid_attrs/types/0": "IB/RoCE v1",
    "sys/class/infiniband/mlx5_0/ports/1/gid_attrs/types/1": "RoCE v2",
    **{f"sys/devices/system/cpu/cpu{n}/cpufreq/scaling_governor": "performance" for n in range(4)},
    **{f"sys/devices/system/cpu/cpu{n}/topology/thread_siblings_list": f"{n}" for n in range(4)},
    **{f"sys/devices/system/cpu/cpu{n}/cache/index3/level": "3" for n in range(4)},
    **{f"sys/devices/system/cpu/cpu{n}/cache/index3/shared_cpu_list": "0-3" for n in range(4)},
}


def tree(folder: Path, files: dict[str, str], shm: Path | None = None) -> Roots:
    """Write files below a folder, and return it as roots."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Roots(folder / "proc", folder / "sys", shm or folder / "shm")
