"""Host readings: fingerprint, noise, contention and devices."""
