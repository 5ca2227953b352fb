# The boundary check of columnar batches: called from native code only.
