"""Reads the kernel's random numbers in a loop, also while its sandbox is forked, and keeps each with the time.

A record is 32 bytes: wall clock and monotonic clock before the read, in nanoseconds, and the 16 bytes read. A clone ends
it after as many reads as it was told, counted from the moment at which it learns that it is one.
"""

import os
import struct
import sys
import time

directory, wanted = sys.argv[1], int(sys.argv[2])


def generation():
    with open("/run/pandastack/generation", encoding="ascii") as file:
        return file.read()


def read_some():
    for _ in range(10):
        wall, monotonic = time.time_ns(), time.monotonic_ns()
        out.write(struct.pack("<QQ16s", wall, monotonic, os.getrandom(16)))
    time.sleep(0.005)


born = generation()
with open(f"{directory}/reads", "ab", buffering=0) as out:
    while generation() == born:
        read_some()
    for _ in range(wanted // 10):
        read_some()
open(f"{directory}/done/reads", "x").close()
