"""Lines of a window: every word there, whole, and none beyond the edge but a word alone."""

from hypothesis import given
from hypothesis import strategies as st

from aethermodel.text.lines import wrapped

WORDS = st.lists(st.sampled_from(["a", "rate", "co-ordinated", "/a/path-of/many-parts"]))


@given(st.lists(WORDS.map(" ".join)), st.sampled_from([12, 20, 60]))
def test_no_word_is_lost_or_broken(lines, width):
    shown = list(wrapped(lines, width))
    assert [word for line in shown for word in line.split()] == " ".join(lines).split()
    for line in shown:
        assert len(line) <= width or len(line.split()) == 1


def test_a_figure_stays_beside_its_unit():
    assert list(wrapped(["off by 5.4 % here"], 11)) == ["off by", "  5.4 %", "  here"]
    assert list(wrapped(["within 1,000 µs"], 13)) == ["within", "  1,000 µs"]


def test_a_text_keeps_its_lines_and_what_goes_on_is_indented():
    assert list(wrapped("one\n\n  two three", 8)) == ["one", "", "  two", "    three"]
