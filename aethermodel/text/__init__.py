"""Text for people: percentages, and characters that a terminal can show."""
