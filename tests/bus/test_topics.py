"""Topic names and patterns, against a plain reading of what a pattern says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.bus import Topics

NAMES = ["md.trade", "md.quote", "md.fx.spot", "host.cpu", "md", "host"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("md.trade", ["md.trade"]),
        ("md.*", ["md.trade", "md.quote"]),
        ("md.**", ["md.trade", "md.quote", "md.fx.spot"]),
        ("*", ["md", "host"]),
        ("*.cpu", ["host.cpu"]),
        ("*.*", ["md.trade", "md.quote", "host.cpu"]),
        ("**", NAMES),
    ],
)
def test_patterns_stand_for_the_topics_they_say(pattern, names):
    topics = Topics(NAMES)
    assert [topics.name(i) for i in topics.match(pattern)] == names


def means(pattern, name):
    """What the documentation says, word for word."""
    wanted, given_ = pattern.split("."), name.split(".")
    if wanted[-1] == "**":
        if len(given_) < len(wanted):
            return False
        wanted, given_ = wanted[:-1], given_[: len(wanted) - 1]
    return len(wanted) == len(given_) and all(
        w in ("*", g) for w, g in zip(wanted, given_, strict=True)
    )


words = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4)
patterns = st.builds(
    lambda parts, tail: ".".join(parts + tail),
    st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=3),
    st.sampled_from([[], ["**"]]),
)


@given(st.lists(words.map(".".join), min_size=1, max_size=10, unique=True), patterns)
def test_any_pattern_against_any_names(names, pattern):
    wanted = tuple(i for i, name in enumerate(names) if means(pattern, name))
    if wanted:
        assert Topics(names).match(pattern) == wanted
    else:
        with pytest.raises(ValueError, match="no topic matches"):
            Topics(names).match(pattern)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "1 to 65536 topics"),
        ("md", "not the string"),
        (["md", "md"], "named twice"),
        (["md."], "no topic name"),
        (["md.*"], "no topic name"),
        ([""], "no topic name"),
        ([3], "no topic name"),
    ],
)
def test_bad_names(names, message):
    with pytest.raises(ValueError, match=message):
        Topics(names)


@pytest.mark.parametrize("pattern", ["", "md..x", "**.md", "md.t*", ".", 3, "md trade"])
def test_bad_patterns(pattern):
    with pytest.raises(ValueError, match="no topic pattern"):
        Topics(NAMES).match(pattern)


def test_names_and_ids_are_each_others_inverse():
    topics = Topics(NAMES)
    assert [topics.id(topics.name(i)) for i in range(len(topics))] == list(range(len(NAMES)))
    assert list(topics) == NAMES
    with pytest.raises(IndexError):
        topics.name(6)
    with pytest.raises(ValueError, match="no topic 'x'"):
        topics.id("x")
