from cython_core.events.columns cimport aether_input

cdef object arrow_input(object batch, aether_input* out)
