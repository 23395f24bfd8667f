"""The simulator's time: real time plus what the tests have skipped."""

import time


class Clock:
    def __init__(self):
        self.skipped = 0.0

    def now(self):
        """Unix seconds in the simulated world: what expires and advances goes by this."""
        return time.time() + self.skipped

    def real(self):
        """Unix seconds outside: tokens in requests are dated by this, whatever was skipped."""
        return time.time()

    def advance(self, seconds):
        self.skipped += seconds

    def reset(self):
        self.skipped = 0.0
