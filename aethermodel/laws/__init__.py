"""Laws of one's own measurements: time over size, with intervals and an honest verdict."""
