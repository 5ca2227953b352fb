"""Inputs: files and values from outside, read by strict types and refused in one line."""
