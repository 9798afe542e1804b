"""The program: command line, devices, engine, sessions, scenes. Imports models and pieces, never back."""

import os

# numpy's BLAS shares small products among all cores and spins while it waits: beside other work a follower's
# answer then took 20 to 40 ms instead of 2. Said before numpy is loaded; torch counts its threads itself.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
