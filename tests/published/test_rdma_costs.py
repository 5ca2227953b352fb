"""The cards' costs: every figure has a source or says that it is assumed; what is wrong is said."""

from importlib.resources import files

import numpy as np
import pytest

from aethermodel.model.verbs.verbs_cost import COST_NAMES
from aethermodel.published.rdma_costs import card, load_cards

TEXT = (files("aethermodel") / "data/rdma-nics.toml").read_text("utf-8")


def test_three_cards_with_every_figure_sourced_or_assumed():
    cards = load_cards()
    assert set(cards) == {"connectx-5", "connectx-6", "connectx-7"}
    for known in cards.values():
        table = known.table()
        assert list(table["cost"]) == list(COST_NAMES)
        assert table["source"].str.len().min() > 10
        assert set(table.loc[table["basis"] == "assumed", "cost"]) == known.assumed


def test_figures_are_in_si_units_and_a_card_overrides_what_is_common():
    five, seven = card("connectx-5").costs, card("connectx-7").costs
    assert five.o_w == pytest.approx(75e-9)
    np.testing.assert_allclose(five.G, 8 / 100e9)
    np.testing.assert_allclose(seven.G, 8 / 400e9)
    assert five.mtu == 4096
    assert "g" in card("connectx-7").assumed
    assert "g" not in card("connectx-6").assumed


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('value = "75 ns"', 'value = "75 B"', "o_w: '75 B' is not in s"),
        (
            'value = "75 ns"',
            'value = "many"',
            "o_w.value: wanted a number with its unit, such as 75 ns, not 'many'",
        ),
        ('value = "75 ns"', 'value = "-75 ns"', "o_w must be at least 0"),
        ('source = "ucx-verbs"', 'source = "hearsay"', "unknown source hearsay"),
        (', source = "ucx-verbs"', "", "needs a source"),
        ("o_w = {", "o_v = {", "no cost is called o_v"),
        ("mtu = {", "#", "connectx-5 lacks mtu"),
        ("[sources]", "[sources", "line"),
        ("[cards.connectx-5]", "[card.connectx-5]", "card: there is no such setting"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(before, after, message, tmp_path):
    path = tmp_path / "cards.toml"
    path.write_text(TEXT.replace(before, after, 1))
    with pytest.raises(ValueError, match=message) as error:
        load_cards(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_an_unknown_card_is_named():
    with pytest.raises(ValueError, match="no card 'connectx-4'"):
        card("connectx-4")
