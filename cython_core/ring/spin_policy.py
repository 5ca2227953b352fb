"""Spin policy: how long a ring end spins before it sleeps."""

#: Nanoseconds by policy. A sleep and its wake-up cost some 10 µs, so spinning longer than a few of
#: them buys little.
SPIN_NS = {"spin": 2**63 - 1, "spin-then-wait": 50_000, "wait": 0}
# But the peer pays for the wake-up, at every batch where it is the slower one.
LONGER_NS = 200_000


def next_spin_ns(policy: str, spin_ns: int, waited_ns: int) -> int:
    """Return how long the next wait spins.

    After a sleep that was over within 200 µs it spins as long, until a wait lasts longer.

    Parameters
    ----------
    policy : {"spin-then-wait", "spin", "wait"}
        Only the first learns.
    spin_ns : int
        How long the last wait spun at most, in nanoseconds.
    waited_ns : int
        How long it took in all, until there was what it waited for.
    """
    if policy != "spin-then-wait":
        return spin_ns
    if waited_ns > LONGER_NS:
        return SPIN_NS[policy]
    return LONGER_NS if waited_ns > spin_ns else spin_ns
