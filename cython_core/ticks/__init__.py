"""Ticks of a bus in native code: the hand-over of batches, and what happens to each."""
