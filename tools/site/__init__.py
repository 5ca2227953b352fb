"""Tools of the documentation site: its picture of the architecture, and a check of its links."""
