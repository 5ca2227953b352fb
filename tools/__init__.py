"""Tools of this project's developers; none of them is installed."""
