# Writes the time in ns to a file every millisecond: what is missing is when nothing in this sandbox ran.
import os, time

ticks = os.open("/home/user/ticks", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
while True:
    os.write(ticks, b"%d\n" % time.time_ns())
    time.sleep(0.001)
