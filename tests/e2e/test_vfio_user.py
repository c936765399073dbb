# SPDX-License-Identifier: Apache-2.0
"""The vfio-user server: a client that shares no code with it drives a memory device of machine x-remote."""

import errno
import mmap
import os
import stat
import struct
import subprocess
import time
import unittest

from cxbpy.machine import Machine, binary
from cxbpy.qmp import QmpError
from cxbpy.vfiouser import (CONFIG, ERR, EVENTFD, INTX, MSI, MSIX, NONE, REQ, ROM, TRIGGER, VfioUser,
                            VfioUserError)

DEVICE = ["-object", "memory-backend-ram,id=m0,size=256M",
          "-device", "cxl-type3,id=t3,volatile-memdev=m0,sn=0x77"]

# The mailbox of a served device, its payload on a page of its own.
PAGE, PAYLOAD = 0x2000, 0x2000
CTRL, CMD, STATUS = PAYLOAD - 0x1c, PAYLOAD - 0x18, PAYLOAD - 0x10
LOST = (EOFError, ConnectionResetError, BrokenPipeError)


def server(path, **more):
    return "x-vfio-user-server,id=s0,type=unix,device=t3,path=" + path + \
        "".join(f",{key}={value}" for key, value in more.items())


class Served(unittest.TestCase):
    def start(self, args=(), device=DEVICE, **more):
        self.m = Machine(["-M", "x-remote", *device, "-object", server("s0", **more), *args],
                         tutorial=False)
        self.addCleanup(self.m.end)
        self.path = os.path.join(self.m.dir, "s0")

    def connect(self, **more):
        client = VfioUser(self.path, **more)
        self.addCleanup(client.close)
        return client

    def refused(self, number, call, *args, **more):
        with self.assertRaises(VfioUserError) as caught:
            call(*args, **more)
        self.assertEqual(caught.exception.errno, number)


class Protocol(Served):
    def test_what_the_device_is(self):
        self.start()
        c = self.connect(negotiate=False)
        version, offer = c.version(minor=2)
        self.assertEqual(version, (0, 2))
        self.assertEqual(offer["capabilities"], {"max_msg_fds": 16, "max_data_xfer_size": 1 << 20,
                                                 "pgsizes": 4096, "max_dma_maps": 65535,
                                                 "write_multiple": True})
        self.assertEqual(c.info(), (3, 10, 5))
        self.assertEqual({n: c.region(n)[1] for n in range(9)},
                         {0: 0x10000, 1: 0, 2: 0x4000, 3: 0, 4: 0x1000, 5: 0, ROM: 0, CONFIG: 0x1000, 8: 0})
        self.assertEqual([c.irq(n)[1] for n in (INTX, MSI, MSIX, ERR, REQ)], [0, 0, 8, 1, 1])
        self.assertEqual(c.read_int(CONFIG, 0, 4), 0x0d938086)
        self.assertEqual(c.read(CONFIG, 0, 4096)[8:12], bytes.fromhex("01100205"))
        self.refused(errno.EINVAL, c.region, 10)
        self.refused(errno.EINVAL, c.irq, 5)

    def test_versions(self):
        self.start()
        for minor, answer in ((0, 0), (1, 1), (2, 2), (7, 2)):
            with VfioUser(self.path, negotiate=False) as c:
                self.assertEqual(c.version(minor=minor)[0], (0, answer))
        with VfioUser(self.path, negotiate=False) as c:
            self.assertNotIn("write_multiple", c.version(capabilities=None)[1]["capabilities"])
        for bad in ({"major": 1}, {"capabilities": []}, {"capabilities": {"capabilities": 1}},
                    {"capabilities": {"capabilities": {"pgsizes": 0}}},
                    {"capabilities": {"capabilities": {"max_msg_fds": "8"}}},
                    {"capabilities": {"capabilities": {"max_data_xfer_size": -1}}},
                    {"capabilities": {"capabilities": {"write_multiple": 1}}},
                    {"capabilities": {"padding": "x" * 5000}}):
            with self.subTest(bad), VfioUser(self.path, negotiate=False) as c:
                self.refused(errno.EINVAL, c.version, **bad)
                self.assertRaises(EOFError, c.take, 1)

    def test_version_comes_first_and_once(self):
        self.start()
        with VfioUser(self.path, negotiate=False) as c:
            self.refused(errno.EINVAL, c.info)
            self.assertRaises(EOFError, c.take, 1)
        c = self.connect()
        self.refused(errno.EINVAL, c.version)
        self.assertEqual(c.info(), (3, 10, 5))

    def test_identify_by_mailbox(self):
        self.start()
        c = self.connect()
        c.write_int(CONFIG, 4, 2, 6)
        c.write_int(2, CMD, 8, 0x4000)
        c.write_int(2, CTRL, 4, 1, posted=True)
        self.assertEqual(c.read_int(2, CTRL, 4) & 1, 0)
        self.assertEqual(c.read_int(2, STATUS, 8) >> 32 & 0xffff, 0)
        self.assertEqual(c.read_int(2, CMD, 8) >> 16, 0x45)
        self.assertEqual(c.read_int(2, PAYLOAD + 0x10, 8), 1)  # 256 MiB in all

    def test_memory_that_nothing_decodes_is_not_there(self):
        self.start()
        c = self.connect()
        for off, count in ((0, 4), (0x3d0000000, 4096), ((1 << 52) - 8, 8)):
            self.refused(errno.EIO, c.read, 9, off, count)
            self.refused(errno.EIO, c.write, 9, off, bytes(count))
        for off, count in ((1 << 52, 1), ((1 << 52) - 1, 2), ((1 << 64) - 4, 8)):
            self.refused(errno.EINVAL, c.read, 9, off, count)
            self.refused(errno.EINVAL, c.write, 9, off, bytes(count))

    def test_bad_ranges_change_nothing(self):
        self.start()
        c = self.connect()
        for region, offset, count in ((CONFIG, 4096, 1), (CONFIG, 4093, 4), (CONFIG, 1 << 63, 4), (1, 0, 1), (10, 0, 4),
                                      (2, (1 << 64) - 1, 2), (0, 0, (1 << 20) + 1)):
            with self.subTest((region, offset, count)):
                self.refused(errno.EINVAL, c.read, region, offset, count)
        self.refused(errno.EINVAL, c.write, CONFIG, 4096, b"\0")
        self.refused(errno.EINVAL, c.ask, 10, struct.pack("=QII", 4, CONFIG, 4) + b"\7")
        self.refused(errno.EINVAL, c.write_multi, [(CONFIG, 4, b"\6\0"), (CONFIG, 4096, b"\0")])
        self.assertEqual(c.read_int(CONFIG, 4, 2), 0)
        self.assertEqual(c.read(CONFIG, 0, 0), b"")

    def test_several_writes(self):
        self.start()
        c = self.connect()
        self.assertEqual(c.write_multi([(CONFIG, 4, b"\6\0"), (2, PAYLOAD, b"12345678")]), 2)
        c.write_multi([(2, PAYLOAD + 8, b"abcdefgh")], posted=True)
        self.assertEqual(c.read(2, PAYLOAD, 16), b"12345678abcdefgh")
        self.assertEqual(c.read_int(CONFIG, 4, 2), 6)

    def test_requests_in_flight(self):
        self.start()
        c = self.connect()
        numbers = [c.send(9, struct.pack("=QII", 0, CONFIG, 4)) for _ in range(500)]
        for number in numbers:
            self.assertEqual(c.reply(number, 9)[16:], bytes.fromhex("8680930d"))


class Page(Served):
    """The page of BAR 2 that is mapped."""

    def map(self, **more):
        self.start(device=DEVICE[:-1] + [DEVICE[-1] + "".join(f",{key}={value}" for key, value in more.items())])
        self.c = self.connect()
        flags, size, offset, areas, fd = self.c.region(2)
        self.addCleanup(os.close, fd)
        self.assertEqual((flags, size, offset, areas), (15, 0x4000, 0, [(PAGE, 0x1000)]))
        for cut in (os.ftruncate, lambda fd, size: os.posix_fallocate(fd, 0x4000, size)):
            self.assertRaises(PermissionError, cut, fd, 0x2000)
        page = mmap.mmap(fd, 0x1000, offset=PAGE)
        self.addCleanup(page.close)
        return page

    def test_no_other_region_is_mapped(self):
        self.map()
        for index in (0, 1, 3, 4, 5, ROM, CONFIG, 8):
            self.assertIsNone(self.c.region(index)[4])

    def test_the_payload_is_the_same_either_way(self):
        page = self.map()
        page[:8] = b"abcdefgh"
        page[0xff8:] = b"the last"
        self.assertEqual(self.c.read(2, PAYLOAD, 8), b"abcdefgh")
        self.assertEqual(self.c.read(2, PAGE + 0xff8, 8), b"the last")
        self.c.write(2, PAYLOAD + 8, b"12345678")
        self.assertEqual(page[:16], b"abcdefgh12345678")

    def test_a_command_takes_its_input_from_the_page(self):
        page = self.map()
        page[:8] = (1 << 62).to_bytes(8, "little")
        self.c.write_int(2, CMD, 8, 0x0301 | 8 << 16)
        self.c.write_int(2, CTRL, 4, 1)
        page[:8] = b"meddling"
        self.c.write_int(2, CMD, 8, 0x0300)
        self.c.write_int(2, CTRL, 4, 1)
        self.assertGreaterEqual(int.from_bytes(page[:8], "little"), 1 << 62)
        self.c.reset()
        self.assertEqual(page[:8], bytes(8))

    def wait(self, page):
        for _ in range(200000):
            if not page[4] & 1:
                return
            time.sleep(0.0001)
        self.fail("the doorbell stays set")

    def test_a_watched_doorbell_needs_no_message(self):
        page = self.map(**{"mailbox-poll": "on"})
        for n in range(200):
            if n == 100:
                time.sleep(1.2)  # until it is looked at as seldom as it gets
            page[8:16] = (0x4000).to_bytes(8, "little")
            page[4:8] = (1).to_bytes(4, "little")
            self.wait(page)
            self.assertEqual(page[8:16], (0x4000 | 0x45 << 16).to_bytes(8, "little"))
            self.assertEqual(page[0x16:0x18], bytes(2))
            self.assertEqual(int.from_bytes(page[0x30:0x38], "little"), 1)
        self.assertEqual(self.c.read(2, PAGE, 0x100), page[:0x100])

    def test_a_watched_mailbox_can_be_used_by_messages(self):
        page = self.map(**{"mailbox-poll": "on"})
        self.c.write_int(2, PAGE + 8, 8, 0x4000)
        self.assertEqual(page[8:16], (0x4000).to_bytes(8, "little"))
        self.c.write_int(2, PAGE + 4, 4, 1)
        self.assertEqual(self.c.read_int(2, PAGE + 4, 4) & 1, 0)
        self.assertEqual(page[8:16], (0x4000 | 0x45 << 16).to_bytes(8, "little"))

    def test_what_a_host_scribbles_harms_itself_alone(self):
        page = self.map(**{"mailbox-poll": "on"})
        cap = self.c.read_int(2, PAGE, 4)
        page[:] = b"\xff" * 0x1000
        self.wait(page)
        self.assertEqual(page[0x14:0x16], (3).to_bytes(2, "little"))  # Unsupported
        self.assertEqual(self.c.read_int(2, PAGE, 4), cap)
        self.assertEqual(page[:4], cap.to_bytes(4, "little"))

    def test_only_served_devices_are_watched(self):
        done = subprocess.run([binary(), "-M", "q35,cxl=on", *DEVICE[:-1], DEVICE[-1] + ",mailbox-poll=on"],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn("mailbox-poll is of devices that are served to other machines", done.stderr)


class Msi(Served):
    def test_interrupts_by_msi(self):
        self.start(device=DEVICE[:-1] + [DEVICE[-1] + ",msix=off"])
        c = self.connect()
        self.assertEqual([c.irq(n)[1] for n in (MSI, MSIX)], [8, 0])
        self.assertEqual(c.read_int(CONFIG, 0x40, 2) & 0xff, 5)
        self.assertEqual(c.region(4)[1], 0)
        c.write_int(CONFIG, 4, 2, 6)
        for allowed, mailbox, log in ((0, 0, 0), (1, 1, 0), (3, 7, 2)):
            with self.subTest(allowed):  # numbers are those of the messages that software allows
                c.write_int(CONFIG, 0x42, 2, allowed << 4 | 1)
                self.assertEqual(c.read_int(2, CTRL - 4, 4) >> 7 & 15, mailbox)
                c.write_int(2, CMD, 8, 0x0102)
                c.write_int(2, CTRL, 4, 1)
                self.assertEqual(c.read(2, PAYLOAD, 1)[0] >> 4, log)
        fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(8)]
        for fd in fds:
            self.addCleanup(os.close, fd)
        c.set_irqs(EVENTFD | TRIGGER, MSI, 0, 8, fds=fds)
        c.write_int(2, CMD, 8, 0x4000)
        c.write_int(2, CTRL, 4, 3)  # with the interrupt of the mailbox, vector 7
        self.assertEqual(os.eventfd_read(fds[7]), 1)
        self.assertRaises(BlockingIOError, os.eventfd_read, fds[0])


class Interrupts(Served):
    def setUp(self):
        self.start()
        self.c = self.connect()
        self.c.write_int(CONFIG, 4, 2, 6)
        self.c.write_int(CONFIG, 0x42, 2, 0x8000)

    def eventfd(self):
        fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.addCleanup(os.close, fd)
        return fd

    def inject(self):
        self.m.qmp.cmd("cxl-inject-general-media-event", path="t3", log="informational", flags=1, dpa=0,
                       descriptor=0, type=0, sub_type=0, transaction_type=0)

    def fired(self, fd):
        try:
            return os.eventfd_read(fd)
        except BlockingIOError:
            return 0

    def enable_events(self):
        """Vector 2, of the informational log, by Set Event Interrupt Policy."""
        self.c.write(2, PAYLOAD, bytes([1, 1, 1, 1]))
        self.c.write_int(2, CMD, 8, 0x0103 | 4 << 16)
        self.c.write_int(2, CTRL, 4, 1)
        self.assertEqual(self.c.read_int(2, STATUS, 8) >> 32 & 0xffff, 0)

    def test_an_event_fires_its_vector(self):
        self.enable_events()
        fds = [self.eventfd() for _ in range(8)]
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 8, fds=fds)
        self.inject()
        self.assertEqual([self.fired(fd) for fd in fds], [0, 0, 1, 0, 0, 0, 0, 0])

    def test_one_that_nobody_listens_to_waits(self):
        self.enable_events()
        self.inject()
        self.assertEqual(self.c.read_int(4, 0x800, 8), 1 << 2)
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 2, 1, fds=[fd])
        self.assertEqual(self.fired(fd), 1)
        self.assertEqual(self.c.read_int(4, 0x800, 8), 0)

    def test_loop_back_and_silence(self):
        fd = self.eventfd()
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 5, 1, fds=[fd])
        self.c.set_irqs(NONE | TRIGGER, MSIX, 5, 1)
        self.assertEqual(self.fired(fd), 1)
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 5, 1)
        self.c.set_irqs(NONE | TRIGGER, MSIX, 5, 1)
        self.assertEqual(self.fired(fd), 0)
        self.c.set_irqs(NONE | TRIGGER, INTX, 0, 0)

    def test_what_makes_no_sense_is_refused(self):
        r, w = os.pipe()
        self.addCleanup(os.close, r)
        self.addCleanup(os.close, w)
        fd = self.eventfd()
        for args, more in (((EVENTFD | TRIGGER, 5, 0, 1), {"fds": [fd]}), ((EVENTFD | TRIGGER, MSIX, 8, 1), {"fds": [fd]}),
                           ((EVENTFD | TRIGGER, MSIX, 1, 0xffffffff), {"fds": [fd]}),
                           ((EVENTFD | TRIGGER, MSIX, 0, 2), {"fds": [fd]}), ((EVENTFD, MSIX, 0, 1), {"fds": [fd]}),
                           ((NONE | TRIGGER, MSIX, 0, 1), {"fds": [fd]}), ((EVENTFD | NONE | TRIGGER, MSIX, 0, 1), {}),
                           ((NONE | TRIGGER, MSIX, 1, 0), {}), ((2 | TRIGGER, MSIX, 0, 2), {"data": b"\1"}),
                           ((EVENTFD | TRIGGER, MSIX, 0, 1), {"fds": [w]})):
            with self.subTest(args):
                self.refused(errno.EINVAL, self.c.set_irqs, *args, **more)


class Memory(Served):
    def setUp(self):
        self.start()
        self.c = self.connect()

    def memfd(self, size):
        fd = os.memfd_create("guest")
        os.ftruncate(fd, size)
        self.addCleanup(os.close, fd)
        return fd

    def test_ranges(self):
        c, fd = self.c, self.memfd(1 << 20)
        c.dma_map(0, 0xa0000, fd=fd)
        c.dma_map(0xc0000, 0x40000)
        self.refused(errno.EEXIST, c.dma_map, 0x90000, 0x20000)
        c.dma_unmap(0, 0xa0000)
        c.dma_unmap(0, 0xa0000)
        self.refused(errno.EINVAL, c.dma_unmap, 0xc0000, 0x1000)
        c.dma_unmap(0, 1 << 48)
        c.dma_map(0xc0000, 0x40000, flags=1)
        c.dma_unmap(0, 0, flags=2)
        c.dma_map(0xc0000, 0x40000)

    def test_what_makes_no_sense_is_refused(self):
        fd = self.memfd(1 << 20)
        ro = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, ro)
        for args, more in (((0, 0), {}), ((1, 0x1000), {}), ((0, 0x1001), {}), (((1 << 64) - 0x1000, 0x2000), {}),
                           ((0, 0x1000), {"flags": 8}), ((0, 0x200000), {"fd": fd}), ((0, 0x1000), {"fd": fd, "offset": 1 << 20}),
                           ((0, 0x1000), {"fd": fd, "offset": 1}), ((0, 0x1000), {"fd": ro})):
            with self.subTest(args):
                self.refused(errno.EINVAL, self.c.dma_map, *args, **more)

    def test_a_thousand_descriptors_leave_none_behind(self):
        fds = lambda: len(os.listdir(f"/proc/{self.m.process.pid}/fd"))
        fd, before = self.memfd(1 << 20), fds()
        for n in range(1000):
            self.c.dma_map(n << 20, 1 << 20, fd=fd)
        self.refused(errno.EINVAL, self.c.ask, 4, struct.pack("=4I", 16, 0, 0, 0), [fd] * 5)
        self.assertEqual(fds(), before)


class Life(Served):
    def test_the_device_keeps_its_state_for_the_next_client(self):
        self.start()
        with VfioUser(self.path) as c:
            c.write_int(CONFIG, 0x3c, 1, 0x5a)
        c = self.connect()
        self.assertEqual(c.read_int(CONFIG, 0x3c, 1), 0x5a)
        c.reset()
        self.assertEqual(c.read_int(CONFIG, 0x3c, 1), 0)

    def test_one_client_at_a_time(self):
        self.start()
        first = self.connect()
        other = self.connect(negotiate=False)
        self.assertRaises(LOST, other.version)
        self.assertEqual(first.info(), (3, 10, 5))

    def test_function_level_reset(self):
        self.start()
        c = self.connect()
        c.write_int(CONFIG, 4, 2, 6)
        c.write_int(CONFIG, 0x88, 2, c.read_int(CONFIG, 0x88, 2) | 0x8000)
        self.assertEqual(c.read_int(CONFIG, 4, 2), 0)

    def test_the_socket_is_its_owners_alone(self):
        self.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_a_group_may_connect_too(self):
        self.start(group=os.getgid())
        st = os.stat(self.path)
        self.assertEqual((stat.S_IMODE(st.st_mode), st.st_gid), (0o660, os.getgid()))

    def test_wrong_objects_are_refused_by_name(self):
        self.start()
        add = {"qom_type": "x-vfio-user-server", "id": "s1", "path": self.path + "1"}
        for more, text in (({"device": "t9"}, "Device 't9' not found"), ({}, "Parameter 'device' is missing"),
                           ({"device": "t3"}, "Device 't3' is in use by 's0'"),
                           ({"device": "t3", "head": 3}, "Device 't3' has no head 3"),
                           ({"device": "t3", "type": "tcp"}, "type"),
                           ({"device": "t3", "group": "no-such-group"}, "Group 'no-such-group' not found")):
            with self.subTest(more), self.assertRaises(QmpError) as caught:
                self.m.qmp.cmd("object-add", **{**add, **more})
            self.assertIn(text, str(caught.exception))
        self.assertFalse(os.path.exists(self.path + "1"))

    def test_devices_and_servers_come_and_go(self):
        self.start()
        qmp = self.m.qmp
        with self.assertRaises(QmpError) as caught:
            qmp.cmd("device_del", id="t3")
        self.assertIn("Device 't3' is in use by 's0'", str(caught.exception))
        c = self.connect()
        qmp.cmd("object-del", id="s0")
        self.assertRaises(LOST, c.info)
        self.assertFalse(os.path.exists(self.path))
        qmp.cmd("device_del", id="t3")
        qmp.cmd("device_add", driver="cxl-type3", id="t4", volatile_memdev="m0")
        qmp.cmd("object-add", qom_type="x-vfio-user-server", id="s0", device="t4",
                socket={"type": "unix", "path": self.path})
        self.assertEqual(self.connect().info(), (3, 10, 5))

    def test_system_reset_reaches_the_device(self):
        self.start()
        c = self.connect()
        c.write_int(CONFIG, 0x3c, 1, 0x5a)
        self.m.qmp.cmd("system_reset")
        self.assertEqual(c.read_int(CONFIG, 0x3c, 1), 0)

    def test_heads_are_served_apart(self):
        self.start(device=["-device", "cxl-type3,id=t3,heads=2,num-dc-regions=1,dc-regions-total-size=1G",
                           "-device", "cxl-type3-head,id=h1,device=t3,head=1"], head=0)
        self.m.qmp.cmd("object-add", qom_type="x-vfio-user-server", id="s1", device="t3", head=1,
                       path=self.path + "1")
        one, two = self.connect(), VfioUser(self.path + "1")
        self.addCleanup(two.close)
        one.write_int(CONFIG, 0x3c, 1, 0x5a)
        self.assertEqual(two.read_int(CONFIG, 0x3c, 1), 0)


class CommandLine(unittest.TestCase):
    def refused(self, args, text):
        done = subprocess.run([binary(), *args], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(text, done.stderr)

    def test_wrong_lines_are_refused(self):
        serve = ["-object", server("/nonexistent/s0")]
        for args, text in (
                (["-M", "q35", *DEVICE, *serve], "x-vfio-user-server only compatible with x-remote machine"),
                (["-M", "x-remote,vfio-user=off", *DEVICE, *serve],
                 "x-vfio-user-server only compatible with x-remote machine"),
                (["-M", "x-remote", *DEVICE, *serve], "Failed to bind socket to /nonexistent/s0"),
                (["-M", "x-remote", *serve], "Device 't3' not found"),
                (["-M", "x-remote,cxl=on"], "Property 'x-remote-machine.cxl' not found"),
                (["-M", "cxl=on", "-M", "x-remote"], 'machine type "x-remote" comes behind properties of another'),
                (["-M", "x-remote", "-accel", "host"], "machine x-remote has no host of its own"),
                (["-M", "x-remote", "-device", "pxb-cxl,bus_nr=12,bus=remote"], "'pxb-cxl' is a bridge: machine x-remote")):
            with self.subTest(args):
                self.refused(args, text)

    def test_auto_shutdown(self):
        m = Machine(["-M", "x-remote,auto-shutdown=on", *DEVICE, "-object", server("s0")], tutorial=False)
        self.addCleanup(m.end)
        m.qmp.cmd("object-del", id="s0")
        self.assertEqual(m.process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
