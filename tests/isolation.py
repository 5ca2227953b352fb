"""Isolation of tests, and of what they start, from whatever started pytest.

A shell's ``&`` and `nohup` leave signals ignored, which children inherit; a desk has an umask, a
window and a language of its own.
"""

import os
import signal
import sys

# Python ignores these itself, and gives them back to what it starts.
_PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}
#: What programs read of their terminal and their user.
_TAKEN_AWAY = (
    *("COLUMNS", "LINES", "TERMINAL_WIDTH", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "CLICOLOR"),
    *("CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS", "LANGUAGE"),
    *("PYTHONIOENCODING", "PYTHONUTF8", "PYTHONWARNINGS", "MPLBACKEND"),
    # Without bytecode every process that a test starts compiles what it imports.
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
)


def isolate() -> None:
    """Set signals, umask, terminal and language of this process to what most hosts have."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - _PYTHONS_OWN:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            if number == signal.SIGINT:
                signal.signal(number, signal.default_int_handler)
            elif number == signal.SIGHUP:  # pytest itself goes on, as `nohup` wants
                signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    sys.dont_write_bytecode = False
    for name in _TAKEN_AWAY:
        os.environ.pop(name, None)
    os.environ |= {"TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
