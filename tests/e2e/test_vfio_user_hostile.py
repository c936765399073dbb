# SPDX-License-Identifier: Apache-2.0
"""Clients of the vfio-user server: QEMU as it is, and such as QEMU never is. Whatever one does, the next
one is served, the monitor answers, and nothing is left behind."""

import contextlib
import errno
import itertools
import os
import random
import resource
import socket
import struct
import time
import unittest
import unittest.mock

from cxbpy import vfioboot, vfiouser
from cxbpy.inject import Injector
from cxbpy.inject import binary as inject_binary
from cxbpy.machine import Machine
from cxbpy.process import status
from cxbpy.vfioboot import Client, Message

DEVICE = ["-object", "memory-backend-ram,id=m0,size=256M",
          "-device", "cxl-type3,id=t3,volatile-memdev=m0,sn=0x77"]
LOST = (EOFError, ConnectionResetError, BrokenPipeError)
LONGEST = (1 << 20) + 32


class Served(unittest.TestCase):
    ARGS = ()

    def start(self, **more):
        return Machine(["-M", "x-remote", *self.ARGS, *DEVICE, "-object",
                        "x-vfio-user-server,id=s0,device=t3,path=s0"], tutorial=False,
                       qtest=bool(self.ARGS), **more)

    def setUp(self):
        self.m = self.start()
        self.addCleanup(self.m.end)
        self.path = os.path.join(self.m.dir, "s0")
        self.good()
        self.before = self.served_files()

    def files(self):
        return len(os.listdir(f"/proc/{self.m.process.pid}/fd"))

    def served_files(self):
        """Those that are open while a client is served, the one before being gone for sure."""
        with Client(self.path) as c:
            c.play([vfioboot.version()])
            return self.files()

    def good(self):
        """The next client is served."""
        with Client(self.path) as c:
            c.play([vfioboot.version(), vfioboot.read(0, 4096), Message(vfiouser.RESET)])

    def negotiated(self):
        c = Client(self.path)
        self.addCleanup(c.close)
        c.play([vfioboot.version()])
        return c

    def as_before(self):
        self.good()
        self.assertTrue(self.m.qmp.cmd("query-status")["running"])
        self.assertEqual(self.served_files(), self.before)


class Qemu(Served):
    def test_its_first_message_is_as_long_as_it_is(self):
        self.assertEqual(len(vfioboot.version().pack(0)), 214)

    def test_a_guests_life(self):
        with Client(self.path) as c:
            c.play(vfioboot.life())
        self.as_before()

    def test_a_guests_life_in_small_pieces(self):
        for step in (1, 7, 16, 17):
            with self.subTest(step), Client(self.path) as c:
                c.play(vfioboot.life(), step)
        self.as_before()

    def test_nothing_but_the_end(self):
        """A guest that is switched off says nothing."""
        with Client(self.path) as c:
            c.play([*vfioboot.start(), *vfioboot.use()])
        self.as_before()

    def test_all_of_it_at_once(self):
        """Nobody waits for an answer."""
        with Client(self.path) as c:
            asked = [(m, c.say(m)) for m in vfioboot.start()]
            for message, number in asked:
                self.assertEqual(c.reply(message, number), 0, message)
        self.as_before()


class Wrong(Served):
    def kinds(self):
        """One message of each command."""
        return list({m.command: m for m in vfioboot.life()}.values())

    def test_cut_off_by_the_end_of_the_client(self):
        for message in self.kinds():
            whole = message.pack(1)
            for length in {1, 8, 15, 16, 17, len(whole) // 2, len(whole) - 1} - {len(whole)}:
                with self.subTest(f"{message!r} {length}"), Client(self.path) as c:
                    if message.command != vfiouser.VERSION:
                        c.play([vfioboot.version()])
                    c.put(whole[:length], [c.fds[kind] for kind in message.fds])
        self.as_before()

    def test_every_length_that_is_too_short(self):
        c = self.negotiated()
        for message in self.kinds():
            if message.command == vfiouser.VERSION or message.flags & vfiouser.NO_REPLY:
                continue
            for length in range(len(message.body)):
                short = Message(message.command, message.body[:length], message.fds)
                self.assertEqual(c.ask(short), errno.EINVAL, (message, length))
        c.close()
        self.as_before()

    def test_versions_of_every_length(self):
        whole = vfioboot.version()
        for length in range(len(whole.body)):
            with self.subTest(length), Client(self.path) as c:
                self.assertEqual(c.ask(Message(vfiouser.VERSION, whole.body[:length])),
                                 0 if length == 4 else errno.EINVAL)
        self.as_before()

    def test_more_than_there_should_be(self):
        c = self.negotiated()
        strict = {vfiouser.REGION_WRITE, vfiouser.REGION_WRITE_MULTI}
        for message in self.kinds():
            if message.command in {vfiouser.VERSION, *strict}:
                continue
            longer = Message(message.command, message.body + bytes(4000), message.fds)
            self.assertEqual(c.ask(longer), errno.EEXIST if message.command == vfiouser.DMA_MAP and
                             c.ask(message) == 0 else 0, message)
        for command in strict:
            self.assertEqual(c.ask(Message(command, struct.pack("=QII", 1, 0, 4) + bytes(4000))), errno.EINVAL)
        c.close()
        self.as_before()

    def test_sizes_that_cannot_be(self):
        for size in (0, 1, 15, LONGEST + 1, 1 << 31, (1 << 32) - 1):
            with self.subTest(size):
                c = self.negotiated()
                wrong = Message(vfiouser.GET_INFO, bytes(16))
                c.put(wrong.pack(1, size))
                self.assertEqual(c.reply(wrong, 1), errno.EINVAL)
                self.assertRaises(LOST, c.take, 1)
                c.close()
        self.as_before()

    def test_the_longest_message_there_may_be(self):
        c = self.negotiated()
        body = struct.pack("=QII", 0, vfiouser.CONFIG, 1 << 20) + bytes(1 << 20)
        self.assertEqual(c.ask(Message(vfiouser.REGION_WRITE, body)), errno.EINVAL)
        self.assertEqual(c.ask(Message(vfiouser.GET_INFO, struct.pack("=4I", 16, 0, 0, 0) + bytes(LONGEST - 32))), 0)

    def test_in_any_order(self):
        for seed in range(10):
            rand = random.Random(seed)
            messages = vfioboot.life()[1:]
            rand.shuffle(messages)
            with self.subTest(seed), Client(self.path) as c:
                c.play([vfioboot.version()])
                asked = [c.ask(m) for m in messages]
                self.assertLessEqual(set(asked), {0, errno.EINVAL, errno.EEXIST})
        self.as_before()

    def test_with_wrong_descriptors(self):
        fds = [*os.pipe(), *(s.detach() for s in socket.socketpair()), os.open("/", os.O_RDONLY),
               os.open("/dev/null", os.O_RDWR), os.memfd_create("other")]
        c = self.negotiated()
        for message in self.kinds():
            if message.command == vfiouser.VERSION or message.flags & vfiouser.NO_REPLY:
                continue
            for fd in fds:
                self.assertNotEqual(c.ask(message, fds=[fd] * (len(message.fds) or 1)), 0, (message, fd))
            self.assertNotEqual(c.ask(message, fds=[c.fds["event"]] * 253), 0, message)
        c.close()
        for fd in fds:
            os.close(fd)
        self.as_before()

    def test_bytes_of_no_meaning(self):
        for seed in range(100):
            rand = random.Random(seed)
            with Client(self.path) as c:
                if seed % 2:
                    c.play([vfioboot.version()])
                try:
                    for _ in range(rand.randrange(1, 20)):
                        c.put(rand.randbytes(rand.randrange(1, 200)),
                              [c.fds["event"]] * rand.randrange(3))
                except LOST:
                    pass
        self.as_before()


class Slow(Served):
    def test_one_that_never_reads(self):
        """It is not listened to either; what it has asked for does not fill the memory."""
        c = self.negotiated()
        rss = status(self.m.process.pid, "VmRSS")
        ask = Message(vfiouser.REGION_READ, struct.pack("=QII", 0, 0, 0x10000)).pack(1) * 1000
        c.sock.setblocking(False)
        sent, stuck = 0, 0
        while stuck < 20:
            try:
                sent += c.sock.send(ask)
                stuck = 0
            except BlockingIOError:
                stuck += 1
                self.assertTrue(self.m.qmp.cmd("query-status")["running"])
        self.assertGreater(sent, 0)
        self.assertLess(status(self.m.process.pid, "VmRSS") - rss, 64 << 10)
        c.close()
        self.as_before()

    def test_one_that_goes_half_and_does_not_read(self):
        """Whoever comes next finds it gone."""
        c = self.negotiated()
        c.put(Message(vfiouser.REGION_READ, struct.pack("=QII", 0, 0, 0x10000)).pack(1) * 1000)
        c.sock.shutdown(socket.SHUT_WR)
        self.good()
        c.close()
        self.as_before()

    def test_silent_ones(self):
        for data in (b"", b"\0", vfioboot.version().pack(0)[:100]):
            with Client(self.path) as c:
                if data:
                    c.put(data)
                self.assertTrue(self.m.qmp.cmd("query-status")["running"])
                with Client(self.path) as surplus:
                    self.assertRaises(LOST, surplus.ask, vfioboot.version())
        self.as_before()

    def test_hundreds(self):
        for _ in range(300):
            with Client(self.path):
                pass
        self.as_before()

    def test_hundreds_at_once(self):
        many = [socket.socket(socket.AF_UNIX) for _ in range(100)]
        for s in many:
            s.connect(self.path)
        self.assertTrue(self.m.qmp.cmd("query-status")["running"])
        for s in many:
            s.close()
        self.as_before()


class Faulty(Served):
    """A system in trouble."""

    def start(self):
        self.injector = Injector()
        self.addCleanup(self.injector.close)
        with unittest.mock.patch.dict(os.environ, self.injector.environment()):
            return super().start(program=[inject_binary()])

    def test_no_descriptor_is_left(self):
        """Whoever connects waits, and nothing turns meanwhile."""
        pid = self.m.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        with Client(self.path) as c:
            c.play([vfioboot.version()])
            used = set(os.listdir(f"/proc/{pid}/fd"))
            free = next(n for n in itertools.count() if str(n) not in used)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
            before, begun = self.injector.hits()["accept4"], time.monotonic()
            with Client(self.path) as waiting:
                for _ in range(100):
                    self.assertTrue(self.m.qmp.cmd("query-status")["running"])
                tried = self.injector.hits()["accept4"] - before
                self.assertIn(tried, range(1, 3 + int(time.monotonic() - begun)))  # once a second
                c.close()
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
                waiting.play([vfioboot.version()])
        self.as_before()

    def test_one_call_in_ten_fails(self):
        """Until each kind has failed: which calls do, threads decide too."""
        calls = ("recvmsg", "sendmsg", "fcntl64", "fstat64")
        for seed in range(1, 2000):
            self.injector.random(10, seed)
            with contextlib.suppress(*LOST), Client(self.path) as c:
                for message in vfioboot.start()[:40]:
                    c.ask(message)
            self.injector.random(0, seed)
            fails = self.injector.fails()
            if seed >= 60 and all(fails[call] for call in calls):
                break
        for call in calls:
            self.assertGreater(self.injector.fails()[call], 0, call)
        self.as_before()


class Time(Served):
    """By a clock that is moved by hand."""

    ARGS = ("-accel", "qtest")
    SECOND = 10 ** 9

    def pass_time(self, seconds):
        self.m.qtest.cmd(f"clock_step {int(seconds * self.SECOND)}")

    def test_a_client_has_ten_seconds_to_say_its_version(self):
        c = Client(self.path)
        self.addCleanup(c.close)
        self.m.qmp.cmd("query-status")
        self.pass_time(9.9)
        c.play([vfioboot.version()])
        self.pass_time(3600)
        c.play([vfioboot.read(0, 4)])
        c.close()
        with Client(self.path) as silent:
            with Client(self.path) as surplus:  # behind it the other is there
                self.assertRaises(LOST, surplus.take, 1)
            self.pass_time(10)
            self.assertRaises(LOST, silent.take, 1)
        self.as_before()

    def test_and_thirty_to_finish_a_message(self):
        c = self.negotiated()
        whole = vfioboot.read(0, 4).pack(1)
        c.put(whole[:20])
        self.m.qmp.cmd("query-status")
        self.pass_time(29.9)
        c.put(whole[20:])
        c.take(16 + 16 + 4)
        c.put(whole[:20])
        with Client(self.path) as surplus:
            self.assertRaises(LOST, surplus.take, 1)
        self.pass_time(30)
        self.assertRaises(LOST, c.take, 1)
        c.close()
        self.as_before()


class Watched(unittest.TestCase):
    def test_time_passes_a_watched_mailbox(self):
        m = Machine(["-M", "x-remote", "-accel", "qtest", *DEVICE[:2], "-device",
                     "cxl-type3,id=t3,volatile-memdev=m0,mailbox-poll=on", "-object",
                     "x-vfio-user-server,id=s0,device=t3,path=s0"], tutorial=False, qtest=True)
        self.addCleanup(m.end)
        with Client(os.path.join(m.dir, "s0")) as c:
            c.play([vfioboot.version()])
            self.assertEqual(int(m.qtest.cmd("clock_step 5000000000")), 5 * 10 ** 9)


if __name__ == "__main__":
    unittest.main()
