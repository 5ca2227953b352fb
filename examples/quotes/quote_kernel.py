"""Quotes of 256 bytes, and a numba kernel that makes a 32-byte signal of each."""

from __future__ import annotations

import numba
import numpy as np

LEVELS, INSTRUMENTS = 14, 64
#: A quote: an order book of fourteen levels on each side, 256 bytes.
QUOTE = np.dtype(
    [
        ("instrument", np.uint32),
        ("flags", np.uint32),
        ("time_ns", np.int64),
        ("bid_price", np.float32, LEVELS),
        ("bid_size", np.float32, LEVELS),
        ("ask_price", np.float32, LEVELS),
        ("ask_size", np.float32, LEVELS),
        ("last_price", np.float64),
        ("volume", np.float64),
    ]
)
#: A signal, 32 bytes.
SIGNAL = np.dtype(
    [
        ("instrument", np.uint32),
        ("flags", np.uint32),
        ("time_ns", np.int64),
        ("fair_price", np.float64),
        ("imbalance", np.float64),
    ]
)


def make_quotes(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n quotes around 100, a tick of 0.01 between levels."""
    quotes = np.zeros(n, QUOTE)
    quotes["instrument"] = rng.integers(0, INSTRUMENTS, n)
    quotes["time_ns"] = np.arange(n)
    middle = 100 + rng.normal(0, 1, (n, 1))
    away = 0.01 * np.arange(1, LEVELS + 1)
    quotes["bid_price"], quotes["ask_price"] = middle - away, middle + away
    quotes["bid_size"] = rng.integers(1, 100, (n, LEVELS))
    quotes["ask_size"] = rng.integers(1, 100, (n, LEVELS))
    return quotes


@numba.njit(cache=True, fastmath=True)
def fair_prices(quotes: np.ndarray, signals: np.ndarray) -> None:
    """Write each quote's signal: levels count less the further away they are."""
    for i in range(len(quotes)):
        quote, signal = quotes[i], signals[i]
        bids = asks = bid_cash = ask_cash = 0.0
        weight = 1.0
        for k in range(LEVELS):
            bid, ask = weight * quote.bid_size[k], weight * quote.ask_size[k]
            bids += bid
            asks += ask
            bid_cash += bid * quote.bid_price[k]
            ask_cash += ask * quote.ask_price[k]
            weight *= 0.75
        signal.instrument = quote.instrument
        signal.time_ns = quote.time_ns
        signal.imbalance = (bids - asks) / (bids + asks)
        # The side with more size pushes the price away from itself.
        signal.fair_price = (bid_cash / bids * asks + ask_cash / asks * bids) / (bids + asks)
