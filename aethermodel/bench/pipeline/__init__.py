"""Pipeline benchmark: the same messages moved in several ways, beside the model."""
