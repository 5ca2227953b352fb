"""Model of the verbs send path."""
