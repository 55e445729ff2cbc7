# Lives in a sandbox that is to be captured: holds memory and a file of given sizes (MB) and counts. Its file `resident`
# says who it is (known to its memory only), how far it has counted, and whether what it holds is still what it was.
import os, random, sys, time

memory_mb, disk_mb = int(sys.argv[1]), int(sys.argv[2])
page = 4096
# Pages that are not zero, from a small pool: random ones for all would take longer to make than to capture.
pool = [os.urandom(page) for _ in range(61)]
held = bytearray(memory_mb << 20)
for at in range(0, len(held), page):
    held[at : at + page] = pool[at // page % 61]
with open("/home/user/bulk", "wb") as bulk:
    pages = (disk_mb << 20) // page
    for first in range(0, pages, 256):
        bulk.write(b"".join(pool[(first + n) % 61] for n in range(min(256, pages - first))))
bulk = os.open("/home/user/bulk", os.O_RDONLY)


def whole():
    if memory_mb:
        at = random.randrange(len(held) // page)
        if held[at * page : (at + 1) * page] != pool[at % 61]:
            return False
    if disk_mb:
        at = random.randrange(pages)
        if os.pread(bulk, page, at * page) != pool[at % 61]:
            return False
    return True


me = os.urandom(8).hex()
said = os.open("/home/user/resident", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
count, sound = 0, True
while True:
    count += 1
    sound = sound and whole()
    # In one write of one length, so that a reader never sees half of it.
    os.pwrite(said, b"%s %012d %s\n" % (me.encode(), count, b"whole" if sound else b"torn."), 0)
    time.sleep(0.02)
