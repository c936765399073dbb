# SPDX-License-Identifier: Apache-2.0
"""Bad clients of a served device, one after the other, while its monitor is asked; every now and then a
guest's whole life in between."""

import os
import random
import socket
import threading

from cxbpy import vfioboot, vfiouser
from cxbpy.machine import Machine
from cxbpy.process import resources, status
from cxbpy.vfioboot import Client, Message

DEVICE = ["-object", "memory-backend-ram,id=m0,size=256M",
          "-device", "cxl-type3,id=t3,volatile-memdev=m0"]
GOOD_EVERY = 100
RSS_SLACK = 8 << 10  # KiB: an allocator's own
LOST = (EOFError, ConnectionResetError, BrokenPipeError)


def change(rand, message):
    """The message with something wrong."""
    body = bytearray(message.body)
    for _ in range(rand.randrange(1, 4)):
        if body:
            body[rand.randrange(len(body))] = rand.choice((0, 1, 0x7f, 0x80, 0xff, rand.randrange(256)))
    return Message(message.command, bytes(body[:rand.randrange(len(body) + 1)]) if rand.randrange(3) == 0
                   else bytes(body), message.fds, message.flags)


def misbehave(c, rand, messages):
    """One connection that does one bad thing and goes."""
    what = rand.randrange(8)
    if what == 0:
        return  # gone at once
    if what == 1:
        c.put(vfioboot.version().pack(0)[:rand.randrange(1, 214)])
        return
    if what == 2:
        c.put(rand.randbytes(rand.randrange(1, 4096)))
        return
    c.play([vfioboot.version()])
    if what == 3:  # in the middle of a message, with its descriptors
        message = rand.choice(messages)
        c.put(message.pack(1)[:rand.randrange(1, 16 + len(message.body))], [c.fds["event"]] * rand.randrange(1, 17))
    elif what == 4:  # asks and asks and does not read
        c.sock.setblocking(False)
        ask = Message(vfiouser.REGION_READ, bytes(8) + b"\0\0\0\0" + b"\0\0\1\0").pack(1)
        try:
            while True:
                c.put(ask)
        except BlockingIOError:
            pass
        if rand.randrange(2):
            c.sock.shutdown(socket.SHUT_WR)
    elif what == 5:  # a size that cannot be
        c.put(Message(vfiouser.RESET).pack(1, rand.choice((0, 15, (1 << 20) + 33, 0xffffffff))))
    else:
        for message in rand.choices(messages, k=rand.randrange(1, 30)):
            c.ask(change(rand, message),
                  fds=[c.fds[rand.choice(("event", "ram"))]] * rand.choice((0, 1, 2, 16, 253)))


def run(count):
    """COUNT bad clients, and one that counts on being served in between."""
    with Machine(["-M", "x-remote", *DEVICE, "-object", "x-vfio-user-server,id=s0,device=t3,path=s0"],
                 tutorial=False) as m:
        path, done, wrong = os.path.join(m.dir, "s0"), threading.Event(), []
        messages, rand = vfioboot.life(), random.Random(count)

        def good():
            with Client(path) as c:
                c.play(messages)
                return dict(resources(m.process.pid)), status(m.process.pid, "VmRSS")

        def attack():
            try:
                for i in range(count):
                    with Client(path) as c:
                        try:
                            misbehave(c, rand, messages[1:])
                        except LOST:
                            pass  # it was let go
                    if i % GOOD_EVERY == 0:
                        good()
            except (OSError, EOFError, AssertionError) as error:
                wrong.append(f"{type(error).__name__}: {error}")
            done.set()

        for _ in range(3):
            before, rss = good()
        thread = threading.Thread(target=attack)
        thread.start()
        answers = 0
        while not done.is_set():
            assert m.qmp.cmd("query-status")["running"]
            answers += 1
        thread.join()
        assert not wrong, wrong
        after, rss_after = good()
        print(f"{count} bad clients, {answers} answers of the monitor meanwhile")
        print(f"RSS: {rss} KiB before, {rss_after} KiB after")
        assert after == before, f"{before} before, {after} after"
        assert rss_after - rss <= RSS_SLACK, "memory grew"
        assert m.quit() == 0, "status of the process"
