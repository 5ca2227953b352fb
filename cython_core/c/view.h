/* A numpy view made once and pointed elsewhere, for as long as nobody else holds it. */
#ifndef AETHER_VIEW_H
#define AETHER_VIEW_H

#include <Python.h>
#include <numpy/arrayobject.h>

/* Whether a view of one dimension, of which the caller holds the only reference, is still as it was
 * made: nobody reshaped it, asked for a buffer of it (which numpy keeps with it), or holds a weak
 * reference. Without the GIL a count of one tells nothing. */
static inline int aether_view_is_free(PyObject *view, const void *base, const void *type,
                                      int flags, npy_intp stride) {
#ifdef Py_GIL_DISABLED
    return 0;
#else
    const PyArrayObject_fields *f = (const PyArrayObject_fields *)view;
    return Py_REFCNT(view) == 1 && f->nd == 1 && f->base == base && (const void *)f->descr == type &&
           f->flags == flags && f->strides[0] == stride && !f->weakreflist && !f->_buffer_info;
#endif
}

static inline void aether_view_point(PyObject *view, void *data, npy_intp length) {
    PyArrayObject_fields *f = (PyArrayObject_fields *)view;
    f->data = data;
    f->dimensions[0] = length;
}

#endif
