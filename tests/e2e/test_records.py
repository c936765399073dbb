# SPDX-License-Identifier: Apache-2.0
"""Event records written by QMP, as a host gets them: interrupt, bytes, clearing."""

import struct
import unittest
import uuid

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost
from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

DEVICE = "/machine/peripheral/cxl-vmem0"
CHBS = 0x3c0000000
IRQ_AT = 0x200000
TIME = 1_700_000_000_000_000_000
MEDIA = {"path": DEVICE, "flags": 3, "dpa": 0x123456780, "descriptor": 1, "type": 2,
         "transaction_type": 4, "sub_type": 5}
MODULE = {"path": DEVICE, "flags": 1, "type": 3, "health_status": 1, "media_status": 2,
          "additional_status": 3, "life_used": 4, "temperature": -5, "dirty_shutdown_count": 6,
          "corrected_volatile_error_count": 7, "corrected_persistent_error_count": 8,
          "sub_type": 1}
# By log: number of the message, kind of record, its arguments.
WRITERS = {
    "informational": (2, "cxl-inject-memory-module-event", MODULE),
    "warning": (3, "cxl-inject-dram-event", MEDIA | {"row": 0x10203}),
    "failure": (4, "cxl-inject-general-media-event", MEDIA | {"component_id": "DIMM A1"}),
    "fatal": (5, "cxl-inject-general-media-event", MEDIA | {"channel": 9, "cme_count": 0x30201}),
}
# The records' data, by hand from CXL 3.1 Tables 8-45 to 8-47.
PHYSICAL = struct.pack("<Q", 0x123456780)
DATA = {
    "informational": bytes([3]) + struct.pack("<BBBBhIII", 1, 2, 3, 4, -5, 6, 7, 8) +
    bytes(2 + 16) + bytes([1]) + bytes(42),
    "warning": PHYSICAL + bytes([1, 2, 4]) + struct.pack("<H", 1 << 5) + bytes(7) +
    bytes([3, 2, 1]) + bytes(2 + 32 + 16 + 1 + 1 + 3) + bytes([5, 0]),
    "failure": PHYSICAL + bytes([1, 2, 4]) + struct.pack("<H", 1 << 3) + bytes(5) +
    b"DIMM A1".ljust(16, b"\0") + bytes(4) + bytes([5]) + bytes(41),
    "fatal": PHYSICAL + bytes([3, 2, 4]) + struct.pack("<H", 1) + bytes([9]) + bytes(4 + 16) +
    bytes([0, 1, 2, 3, 5]) + bytes(41),
}
IDS = {
    "informational": "fe927475dd594339a58679bab113b774",
    "warning": "601dcbb39c064eabb8af4e9bfb5c9624",
    "failure": "fbcd0a77c260417f85a9088b1621eba6",
    "fatal": "fbcd0a77c260417f85a9088b1621eba6",
}


class ByInterrupt(unittest.TestCase):
    def setUp(self):
        self.m = Machine(["-accel", "qtest"], qtest=True)
        self.addCleanup(self.m.end)
        self.host = CxlHost(self.m.qtest, chbs=CHBS)
        self.host.enumerate()
        for vector in range(2, 6):
            self.host.msix(vector, IRQ_AT + 4 * vector, 0x4700 + vector)
        self.host.command(cxlhost.SET_POLICY, bytes([1, 1, 1, 1, 0]))
        self.host.command(cxlhost.SET_TIMESTAMP, struct.pack("<Q", TIME))

    def interrupts(self):
        """Messages that came since the last time."""
        q = self.m.qtest
        seen = [v for v in range(2, 6) if q.readl(IRQ_AT + 4 * v) == 0x4700 + v]
        q.write(IRQ_AT, bytes(32))
        return seen

    def inject(self, log):
        _, command, arguments = WRITERS[log]
        self.m.qmp.cmd(command, **arguments, log=log)

    def test_each_log_raises_its_message_and_holds_every_byte(self):
        for number, (log, (vector, _, arguments)) in enumerate(WRITERS.items()):
            self.m.qtest.cmd("clock_step 1000")
            self.inject(log)
            self.assertEqual(self.interrupts(), [vector])
            self.assertEqual(self.m.qtest.readl(self.host.status_reg), 1 << number)
            record, = self.host.events(number)
            self.assertEqual(record[:0x10].hex(), IDS[log])
            self.assertEqual(record[0x10:0x14], bytes([0x80, arguments["flags"], 0, 0]))
            self.assertEqual(struct.unpack_from("<HHQ", record, 0x14),
                             (1, 0, TIME + 1000 * (number + 1)))
            self.assertEqual(record[0x20:0x30], bytes(16))
            self.assertEqual(record[0x30:], DATA[log], log)
            self.assertEqual(self.m.qtest.readl(self.host.status_reg), 0)
            self.assertEqual(self.host.events(number), [])
            self.assertEqual(self.interrupts(), [])

    def test_one_message_until_the_log_is_empty_again(self):
        self.inject("failure")
        self.assertEqual(self.interrupts(), [4])
        self.inject("failure")
        self.assertEqual(self.interrupts(), [])
        self.assertEqual(len(self.host.events(2)), 2)
        self.inject("failure")
        self.assertEqual(self.interrupts(), [4])

    def test_what_a_full_log_loses_is_counted_and_told(self):
        for _ in range(11):
            self.inject("warning")
        out = self.host.command(cxlhost.GET_EVENTS, b"\1")
        flags, lost, first, last, count = struct.unpack_from("<BxHQQH", out)
        self.assertEqual((flags, lost, first, last, count), (1, 3, TIME, TIME, 8))
        self.host.events(1)
        out = self.host.command(cxlhost.GET_EVENTS, b"\1")
        self.assertEqual(out, bytes(0x20))

    def test_records_and_handles_go_on_over_a_reset(self):
        self.inject("fatal")
        self.m.qmp.cmd("system_reset")
        self.host = CxlHost(self.m.qtest, chbs=CHBS)
        self.host.enumerate()
        self.inject("fatal")
        self.assertEqual([r[0x14] for r in self.host.events(3)], [1, 2])

    def test_what_is_refused_writes_and_interrupts_nothing(self):
        for log, changed in (("informational", {"flags": 1 << 24}),
                             ("warning", {"row": 1 << 24}),
                             ("failure", {"component_id": "x" * 17}),
                             ("fatal", {"path": "/machine/peripheral/root_port13"})):
            _, command, arguments = WRITERS[log]
            with self.assertRaises(QmpError):
                self.m.qmp.cmd(command, **(arguments | changed), log=log)
        self.assertEqual(self.m.qtest.readl(self.host.status_reg), 0)
        self.assertEqual(self.interrupts(), [])


class DynamicCapacity(unittest.TestCase):
    """Records of log 4 that no capacity stands behind."""

    TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
    RECORDS = [{"dpa": 0x200000, "len": 0x400000, "tag": TAG, "sequence": 3, "more": True},
               {"dpa": 1 << 60, "len": 1}]

    def setUp(self):
        self.m = Machine(["-accel", "qtest"], qtest=True)
        self.addCleanup(self.m.end)
        self.host = CxlHost(self.m.qtest, chbs=CHBS)
        self.host.enumerate()

    def inject(self, **changed):
        self.m.qmp.cmd("cxl-inject-dynamic-capacity-event",
                       **({"path": DEVICE, "host_id": 0, "type": 1, "records": self.RECORDS} |
                          changed))

    def test_a_host_gets_them_by_interrupt_as_they_were_given(self):
        policy = self.host.command(cxlhost.GET_POLICY)
        vector = policy[4] >> 4
        self.host.msix(vector, IRQ_AT, 0x4700)
        self.host.command(cxlhost.SET_POLICY, bytes([0, 0, 0, 0, 1]))
        self.inject()
        self.assertEqual(self.m.qtest.readl(IRQ_AT), 0x4700)
        self.assertEqual(self.m.qtest.readl(self.host.status_reg), 1 << 4)
        first, second = self.host.events()
        tag = uuid.UUID(self.TAG).bytes
        self.assertEqual(first[0x30:0x38], bytes([1, 1, 0, 0, 0, 1, 0, 0]))
        self.assertEqual(first[0x38:0x60],
                         struct.pack("<QQ16sH6x", 0x200000, 0x400000, tag, 3))
        self.assertEqual(second[0x30:0x38], bytes([1, 1, 0, 0, 0, 0, 0, 0]))
        self.assertEqual(second[0x38:0x60], struct.pack("<QQ24x", 1 << 60, 1))
        self.assertEqual(self.host.events(), [])

    def test_the_device_holds_no_capacity_for_them(self):
        self.inject(type=0)
        capacity, = self.m.qmp.cmd("query-cxl-dynamic-capacity")
        self.assertEqual(capacity["extents"], [])
        self.assertEqual(len(self.host.events()), 2)
        with self.assertRaises(cxlhost.MailboxError) as caught:
            self.host.dc_list(cxlhost.DC_ADD, [(0x200000, 0x400000)])
        self.assertEqual(caught.exception.code, 0x0f)  # Invalid Physical Address
        self.host.dc_list(cxlhost.DC_ADD, [])

    def test_what_is_refused_writes_nothing(self):
        for changed in ({"records": []}, {"host_id": 1}, {"type": 256}, {"region": 256},
                        {"path": "/machine/peripheral/root_port13"},
                        {"records": self.RECORDS + [{"dpa": 0, "len": 1, "tag": "x"}]},
                        {"records": self.RECORDS * 513}):
            with self.assertRaises(QmpError):
                self.inject(**changed)
        self.assertEqual(self.m.qtest.readl(self.host.status_reg), 0)
        self.inject(records=self.RECORDS * 512)  # the log is full, and none is lost
        out = self.host.command(cxlhost.GET_EVENTS, b"\4")
        self.assertEqual(struct.unpack_from("<BxH", out), (2, 0))

    def test_a_reset_forgets_them(self):
        self.inject()
        self.m.qmp.cmd("system_reset")
        self.host = CxlHost(self.m.qtest, chbs=CHBS)
        self.host.enumerate()
        self.assertEqual(self.host.events(), [])


class BuiltInHost(unittest.TestCase):
    def test_the_driver_reads_and_clears_them(self):
        with Machine() as m:
            for log, (_, command, arguments) in WRITERS.items():
                m.qmp.cmd(command, **arguments, log=log)
            events = m.qmp.cmd("query-cxl-host")["events"]
            self.assertEqual([(e["log"], e["handle"]) for e in events],
                             [(n, 1) for n in range(4)])

    def test_records_of_dynamic_capacity_go_to_the_head_of_their_host(self):
        with Machine(["-global", "cxl-type3.heads=2",
                      "-device", "cxl-rp,port=1,bus=cxl.1,id=rp14,chassis=0,slot=3",
                      "-device", "cxl-type3-head,device=cxl-vmem0,head=1,bus=rp14"]) as m:
            for host_id, kind in ((1, 101), (0, 100), (1, 201)):
                m.qmp.cmd("cxl-inject-dynamic-capacity-event", path=DEVICE, host_id=host_id,
                          type=kind, records=[{"dpa": 0, "len": 1}])
            with self.assertRaisesRegex(QmpError, "host id 2 is not known"):
                m.qmp.cmd("cxl-inject-dynamic-capacity-event", path=DEVICE, host_id=2, type=0,
                          records=[{"dpa": 0, "len": 1}])
            host = m.qmp.cmd("query-cxl-host")
            path = {f["bdf"]: f.get("path") for f in host["functions"]}
            head = {md["memdev"]: int(path[md["bdf"]] != DEVICE) for md in host["memdevs"]}
            self.assertEqual([(head[e["memdev"]], e["type"]) for e in host["events"]],
                             [(1, 101), (0, 100), (1, 201)])


if __name__ == "__main__":
    unittest.main()
