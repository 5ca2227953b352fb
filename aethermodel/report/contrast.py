"""Readable colours: shifted until they stand out from their ground."""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls
from functools import lru_cache

Rgb = tuple[int, int, int]

#: WCAG 2.2, level AA, for text of ordinary size.
LEAST_CONTRAST = 4.5
_STEPS = 64


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two sRGB colours, 1 to 21, as WCAG defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Rgb) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (part / 255 for part in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@lru_cache(maxsize=1024)
def readable(colour: Rgb, ground: Rgb) -> Rgb:
    """Return the nearest lightness of a colour that can be read on a ground.

    Parameters
    ----------
    colour, ground : tuple of int
        sRGB, 0 to 255 each.
    """
    hue, lightness, saturation = rgb_to_hls(*(part / 255 for part in colour))
    away = 0.0 if contrast((0, 0, 0), ground) > contrast((255, 255, 255), ground) else 1.0
    for step in range(_STEPS + 1):
        moved = lightness + (away - lightness) * step / _STEPS
        red, green, blue = (round(255 * part) for part in hls_to_rgb(hue, moved, saturation))
        if contrast((red, green, blue), ground) >= LEAST_CONTRAST:
            break
    return red, green, blue


def hexadecimal(colour: Rgb) -> str:
    """Write a colour as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
