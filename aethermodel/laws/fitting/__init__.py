"""Fitting of laws: candidates, held-out points, choice and judgement."""
