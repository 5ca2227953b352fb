"""List of campaigns: what each names is there to be called."""

import pytest

from tools.torture.campaigns import CAMPAIGNS

PLACES = [
    pytest.param(campaign, place, id=f"{name}-{place.module}-{place.name}")
    for name, campaign in CAMPAIGNS.items()
    for place in (campaign.prepare, campaign.again)
    if place
]


@pytest.mark.parametrize(("campaign", "place"), PLACES)
def test_each_campaigns_trials_are_where_it_says(campaign, place):
    try:
        assert callable(place.function)
    except ImportError as error:
        # Of what it needs and this host lacks, never of a module of its own.
        if not campaign.blocked() or (error.name or "").startswith("tools."):
            raise
