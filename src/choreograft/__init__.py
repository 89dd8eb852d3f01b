"""Choreograft grafts one person's dance onto another ("do as I do" video motion transfer)."""

import os

__version__ = "0.1.0"

# PyTorch's threads spin while they wait for each other, and where anything else uses a core they spin for its whole
# time slice: a generator pass took 1.1 s instead of 0.1 s beside one busy process. Asleep they cost nothing measurable.
# OpenMP reads this when it is loaded, so it has to be said before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
