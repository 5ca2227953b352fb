"""Parts that several commands share: options, tables, caveats, durations."""
