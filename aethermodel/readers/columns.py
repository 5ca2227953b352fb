"""Columns of a table: which are sizes, times and labels, and rows that hold no measurement."""
