"""Choreograft grafts one person's dance onto another ("do as I do" video motion transfer)."""

import os

__version__ = "0.1.0"

# Both are read when a library is loaded, so they have to be said before NumPy and PyTorch are imported.
# PyTorch's threads spin while they wait for each other, and where anything else uses a core they spin for its whole
# time slice: beside one busy process a training step takes up to five times as long. Asleep they cost a third of a
# step on two free cores; GOMP_SPINCOUNT=2000000 has them spin.
if "GOMP_SPINCOUNT" not in os.environ:
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# NumPy's matrices here are small; OpenBLAS would take the cores from PyTorch's threads for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
