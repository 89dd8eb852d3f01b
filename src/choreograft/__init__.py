"""Choreograft grafts one person's dance onto another ("do as I do" video motion transfer)."""

import os

__version__ = "0.1.0"

# Both are read when a library is loaded, so they have to be said before NumPy and PyTorch are imported.
# OpenMP's threads wait for each other some 30 ms before they sleep, longer than Python needs between two operations of
# a network, as waking them takes longer than most of those. On two free cores a training step takes two thirds of the
# time that it takes with threads which sleep at once; beside a busy process OMP_WAIT_POLICY=PASSIVE is faster.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000000")
# NumPy's matrices here are small; OpenBLAS would take the cores from PyTorch's threads for them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
