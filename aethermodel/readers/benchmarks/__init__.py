"""Results of programs that benchmark functions and commands."""
