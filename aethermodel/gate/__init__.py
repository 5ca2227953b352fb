"""Gate on laws: whether a change made a parameter or a time worse, with an interval; history."""
