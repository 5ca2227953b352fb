"""Clock that goes on by what a test says, in place of the host's: what takes long is exact."""

import sys


class ManualClock:
    """Stands for `time.perf_counter` in every module of the package that has imported it.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
    """

    def __init__(self, monkeypatch):
        self.now = 1000.0
        for name, module in list(sys.modules.items()):
            if name.startswith("aethermodel.") and hasattr(module, "perf_counter"):
                monkeypatch.setattr(module, "perf_counter", self)

    def __call__(self):
        """Return the time, in seconds."""
        return self.now

    def lasting(self, seconds, function=lambda *_, **__: None):
        """Return a function that takes so long by this clock."""

        def lasts(*arguments, **options):
            self.now += seconds
            return function(*arguments, **options)

        return lasts
