"""Tables of any origin: text with delimiters, Parquet and Arrow, JSON rows, Extra-P."""
