"""Pipeline benchmark: the same messages moved in several ways, compared with the model."""
