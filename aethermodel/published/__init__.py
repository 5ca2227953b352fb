"""Published figures, read from sourced parameter files."""
