"""Draws from Python's generators in a loop, also while its sandbox is forked. With "thaw" it asks to be told of that.

A line is the time, the phase, `random` and `uuid4`. Phase 1 goes on until a clone knows that it is one, and a little
longer; phase 2 begins when somebody who uses the clone says so, hence after its thaw was answered.
"""

import os
import random
import sys
import time
import uuid

directory, name, thaw = sys.argv[1], sys.argv[2], sys.argv[3:] == ["thaw"]
if thaw:
    import pandastack_thaw

    assert pandastack_thaw.registered


def generation():
    with open("/run/pandastack/generation", encoding="ascii") as file:
        return file.read()


def draw(phase):
    out.write(f"{time.time_ns()} {phase} {random.getrandbits(64):016x} {uuid.uuid4()}\n")
    out.flush()


born = generation()
with open(f"{directory}/{name}", "a", encoding="ascii") as out:
    while generation() == born:
        draw(1)
        time.sleep(0.01)
    for _ in range(20):
        draw(1)
        time.sleep(0.01)
    while not os.path.exists(f"{directory}/go"):
        time.sleep(1)
    for _ in range(100):
        draw(2)
open(f"{directory}/done/{name}", "x").close()
