"""Rate limits: how many requests in a sliding window, per product and App ID."""

import time
from collections import deque


class Limits:
    def __init__(self):
        self.windows = {}
        self.peaks = {}  # product: the most requests in any second so far

    def reset(self):
        self.windows.clear()
        self.peaks.clear()

    def take(self, key, count, seconds):
        """Whether one more fits. What does not fit is not counted."""
        now = time.monotonic()
        window = self.windows.setdefault((key, seconds), deque())
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) >= count:
            return False
        window.append(now)
        return True

    def measure(self, product):
        """Counts without limiting, for /_sim/state."""
        now = time.monotonic()
        window = self.windows.setdefault(("peak", product), deque())
        window.append(now)
        while window[0] <= now - 1:
            window.popleft()
        self.peaks[product] = max(self.peaks.get(product, 0), len(window))
