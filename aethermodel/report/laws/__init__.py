"""Pages and plots of laws of own measurements."""
