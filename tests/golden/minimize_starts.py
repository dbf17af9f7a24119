"""Writes ten starts for each of the thirty problems of ../problems.c, for minimize_problems: F64 numbers one behind
the other. Start 0 is the standard one x0, start k > 0 is x0 (1 + 0.1 z) + 0.01 z', with z and z' standard normal.
usage: minimize_problems starts | minimize_starts.py FILE    (the program prints the standard starts, a line each)
"""
import sys
import numpy as np

random = np.random.default_rng(0)
with open(sys.argv[1], "wb") as file:
    for line in sys.stdin:
        start = np.array(line.split(), dtype=np.float64)
        file.write(start.tobytes())
        for _ in range(9):
            relative, absolute = random.standard_normal(start.size), random.standard_normal(start.size)
            file.write((start * (1 + 0.1 * relative) + 0.01 * absolute).tobytes())
