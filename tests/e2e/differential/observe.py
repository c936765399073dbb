# SPDX-License-Identifier: Apache-2.0
"""What a host and a management client see of a machine: a flat table of keys and values, made the
same way of QEMU and of cxlbox. Nothing here knows which of the two it talks to."""

import struct
import uuid

from cxbpy.cxlhost import ECAM, IDENTIFY, CxlHost
from cxbpy.qmp import QmpError

PORT_BUS = 12
CONFIG_SIZE = 0x1000
BUS_NUMBERS = 0x18
# CXL 3.1 8.2.3: the part of a component block with the capability array and its structures.
CACHEMEM, CACHEMEM_SIZE = 0x1000, 0x1000
RAS, HDM = 2, 5
SEL_DIRECTORY = 0x19
DVSEC_LOCK = 0x114

CEL = uuid.UUID("0da9c0b5-bf41-4b78-8f79-96b1623b3f17").bytes
GET_LOGS, GET_LOG = 0x0400, 0x0401
# Behind the capacities in Identify Memory Device (CXL 3.1 8.2.9.9.1.1): name, offset, bytes.
IDENTIFY_SIZES = [("information-log", 0x30, 2), ("warning-log", 0x32, 2), ("failure-log", 0x34, 2),
                  ("fatal-log", 0x36, 2), ("label-storage", 0x38, 4), ("poison-list", 0x3c, 3),
                  ("inject-limit", 0x3f, 2), ("poison-handling", 0x41, 1), ("qos", 0x42, 1),
                  ("dynamic-capacity-log", 0x43, 2)]

# Name, opcode, an input of the right length. 0400h and 0401h are looked at as a table of effects.
COMMANDS = [
    ("get-events", 0x0100, b"\0"), ("get-failure-events", 0x0100, b"\2"),
    ("get-events-of-no-log", 0x0100, b"\x77"),
    ("clear-events", 0x0101, bytes([0, 1, 0, 0, 0, 0])),
    ("clear-unknown-handle", 0x0101, bytes([0, 0, 1, 0, 0, 0, 0x34, 0x12])),
    ("get-policy", 0x0102, b""), ("set-policy", 0x0103, bytes([1, 1, 1, 1, 1])),
    ("get-policy-again", 0x0102, b""), ("set-bad-policy", 0x0103, bytes([3, 3, 3, 3, 3])),
    ("get-timestamp", 0x0300, b""), ("set-timestamp", 0x0301, struct.pack("<Q", 10 ** 18)),
    ("no-log", 0x0401, bytes(24)),
    ("log-past-the-end", 0x0401, CEL + struct.pack("<II", 0x10000, 4)),
    ("identify", 0x4000, b""), ("partition-info", 0x4100, b""),
    ("set-partition", 0x4101, struct.pack("<QB", 0, 0)),
    ("get-lsa", 0x4102, struct.pack("<II", 0, 0)), ("health", 0x4200, b""),
    ("poison-list", 0x4300, struct.pack("<QQ", 0, 8)),
    ("sanitize-nothing", 0x4401, b""), ("unlock", 0x4503, b"\0" * 32),
    ("dc-config", 0x4800, bytes([8, 0])), ("dc-config-past-the-end", 0x4800, bytes([1, 9])),
    ("dc-extents", 0x4801, struct.pack("<II", 8, 0)),
    ("dc-extents-past-the-end", 0x4801, struct.pack("<II", 8, 5)),
    ("dc-respond-unasked", 0x4802, struct.pack("<IIQQQ", 1, 0, 0, 2 << 20, 0)),
    ("dc-respond-empty-extent", 0x4802, struct.pack("<IIQQQ", 1, 0, 0, 0, 0)),
    ("dc-respond-past-the-end", 0x4802, struct.pack("<IIQQQ", 1, 0, 1 << 60, 2 << 20, 0)),
    ("dc-release-unknown", 0x4803, struct.pack("<IIQQQ", 1, 0, 0, 2 << 20, 0)),
    ("unknown", 0x7777, b""),
]

# What ends one of the programs: each is asked of a machine of its own.
FATAL = [("dc-respond-with-nothing", 0x4802, bytes(8)),
         ("dc-release-nothing", 0x4803, bytes(8))]

DC = {"path": "/machine/peripheral/cxl-vmem0", "host_id": 0, "region": 0,
      "selection_policy": "prescriptive", "tag": "4da0a8a5-1d8b-4c8b-9f4e-0d1b3c5a7f01",
      "extents": [{"offset": 0, "len": 128 << 20}]}
GONE = {k: v for k, v in DC.items() if k != "selection_policy"} | {"removal_policy": "tag-based"}


def dc(**changed):
    return {k: v for k, v in (DC | changed).items() if v is not None}


def gone(**changed):
    return {k: v for k, v in (GONE | changed).items() if v is not None}


def extent(offset, length):
    return {"extents": [{"offset": offset, "len": length}]}


ADD, RELEASE = "cxl-add-dynamic-capacity", "cxl-release-dynamic-capacity"
# What neither may accept: name, command, arguments.
REQUESTS = [
    ("unknown-command", "no-such-command", {}),
    ("capabilities-twice", "qmp_capabilities", {}),
    ("unknown-argument", "query-status", {"foo": 1}),
    ("add-no-arguments", ADD, {}),
    ("add-no-path", ADD, dc(path=None)), ("add-no-region", ADD, dc(region=None)),
    ("add-no-host", ADD, dc(host_id=None)), ("add-no-extents", ADD, dc(extents=None)),
    ("add-unknown-argument", ADD, dc(foo=1)),
    ("add-path-number", ADD, dc(path=1)), ("add-region-text", ADD, dc(region="0")),
    ("add-region-256", ADD, dc(region=256)), ("add-region-negative", ADD, dc(region=-1)),
    ("add-tag-number", ADD, dc(tag=1)), ("add-extents-object", ADD, dc(extents={})),
    ("add-extent-without-len", ADD, dc(extents=[{"offset": 0}])),
    ("add-extent-extra", ADD, dc(extents=[{"offset": 0, "len": 1, "x": 1}])),
    ("add-no-such-policy", ADD, dc(selection_policy="nosuch")),
    ("add-no-such-device", ADD, dc(path="/machine/peripheral/nosuch")),
    ("add-not-a-type3", ADD, dc(path="/machine/peripheral/root_port13")),
    ("add-region-9", ADD, dc(region=9)), ("add-region-1", ADD, dc(region=1)),
    ("add-policy-free", ADD, dc(selection_policy="free")),
    ("add-length-0", ADD, dc(**extent(0, 0))), ("add-unaligned", ADD, dc(**extent(1, 2 << 20))),
    ("add-past-the-end", ADD, dc(**extent(1 << 40, 2 << 20))),
    ("add-overlapping", ADD, dc(extents=[{"offset": 0, "len": 4 << 20},
                                         {"offset": 2 << 20, "len": 4 << 20}])),
    ("release-no-arguments", RELEASE, {}), ("release-no-path", RELEASE, gone(path=None)),
    ("release-no-policy", RELEASE, gone(removal_policy=None)),
    ("release-no-such-policy", RELEASE, gone(removal_policy="nosuch")),
    ("release-no-such-device", RELEASE, gone(path="/nosuch")),
    ("release-region-9", RELEASE, gone(region=9)),
    ("release-unknown", RELEASE, gone(removal_policy="prescriptive", tag=None)),
    ("object-no-type", "object-add", {"id": "x"}),
    ("object-unknown-type", "object-add", {"qom_type": "nosuch", "id": "x"}),
    ("object-no-id", "object-add", {"qom_type": "memory-backend-ram", "size": 4096}),
    ("object-no-size", "object-add", {"qom_type": "memory-backend-ram", "id": "x"}),
    ("object-size-text", "object-add",
     {"qom_type": "memory-backend-ram", "id": "x", "size": "4096"}),
    ("object-unknown-property", "object-add",
     {"qom_type": "memory-backend-ram", "id": "x", "size": 4096, "foo": 1}),
    ("object-bad-id", "object-add", {"qom_type": "memory-backend-ram", "id": "1", "size": 4096}),
    ("object-duplicate", "object-add", {"qom_type": "memory-backend-ram", "id": "mem",
                                        "size": 4096}),
    ("object-del-unknown", "object-del", {"id": "nosuch"}),
    ("object-del-used", "object-del", {"id": "mem"}),
    ("device-no-driver", "device_add", {"id": "x"}),
    ("device-unknown", "device_add", {"driver": "nosuch", "id": "x"}),
    ("device-unknown-bus", "device_add", {"driver": "cxl-type3", "id": "x", "bus": "nosuch"}),
    ("device-duplicate", "device_add", {"driver": "cxl-type3", "id": "cxl-vmem0",
                                        "bus": "root_port13"}),
    ("device-del-unknown", "device_del", {"id": "nosuch"}),
    ("qom-list-unknown", "qom-list", {"path": "/nosuch"}),
    ("qom-get-unknown-path", "qom-get", {"path": "/nosuch", "property": "type"}),
    ("qom-get-unknown-property", "qom-get", {"path": "/machine", "property": "nosuch"}),
    ("qom-set-unknown-property", "qom-set", {"path": "/machine", "property": "nosuch",
                                             "value": 1}),
]


def hex32(value):
    return f"{value:08x}h"


class Observer:
    """Fills .seen through one machine's qtest and QMP."""

    def __init__(self, machine, chbs):
        self.q, self.qmp = machine.qtest, machine.qmp
        self.host = CxlHost(self.q, bridge_bus=PORT_BUS, chbs=chbs)
        self.seen = {}

    def note(self, key, value):
        assert key not in self.seen, key
        self.seen[key] = str(value)

    # --- configuration space ---

    def functions(self):
        """Name, bus and slot of each function compared. The root port comes last: writing its slot
        control takes power from the slot."""
        slot = next(d for d in range(1, 31)
                    if self.host.cfg_read32(0, d, 0) == 0x000b1b36)
        return [("host", 0, 0), ("pxb", 0, slot), ("type3", PORT_BUS + 1, 0),
                ("port", PORT_BUS, 0)]

    def config(self):
        q = self.q
        q.outl(0xcf8, 1 << 31 | 0x60)
        q.outl(0xcfc, ECAM | 1)
        self.host.cfg_write32(PORT_BUS, 0, BUS_NUMBERS, PORT_BUS | (PORT_BUS + 1) * 0x10100)
        for name, bus, slot in self.functions():
            before = self.space(bus, slot)
            self.chains(name, before)
            for off, value in before.items():
                self.note(f"config/{name}/{off:03x}", hex32(value))
            for off, bits in self.writable(name, bus, slot, before).items():
                self.note(f"writable/{name}/{off:03x}", hex32(bits))
            self.host.cfg_write32(PORT_BUS, 0, BUS_NUMBERS, PORT_BUS | (PORT_BUS + 1) * 0x10100)

    def space(self, bus, slot):
        data = self.q.read(ECAM + (bus << 20 | slot << 15), CONFIG_SIZE)
        return {4 * i: value for i, (value,) in enumerate(struct.iter_unpack("<I", data))}

    def chains(self, name, space):
        """The two lists of capabilities, in order (PCIe 6.0 7.5.1.1.11, 7.6.3)."""
        chain, at = [], space[0x34] & 0xfc if space[4] >> 20 & 1 else 0
        while at and len(chain) < 48:
            chain.append(f"{space[at] & 0xff:02x}@{at:02x}")
            at = space[at] >> 8 & 0xfc
        self.note(f"chain/{name}/capabilities", " ".join(chain) or "none")
        chain, at = [], 0x100
        while at and space[at] not in (0, 0xffffffff) and len(chain) < 100:
            kind = space[at] & 0xffff
            text = f"{kind:04x}"
            if kind == 0x23:
                text += f".{space[at + 8] & 0xffff:x}"
            chain.append(f"{text}@{at:03x}")
            at = space[at] >> 20
        self.note(f"chain/{name}/extended", " ".join(chain) or "none")

    def writable(self, name, bus, slot, before):
        """Bits that show a difference between all ones and all zeros written."""
        found = {}
        base = ECAM + (bus << 20 | slot << 15)
        for off in before:
            # Writing 60h of the host bridge moves what this goes through; QEMU's own registers
            # of its chipset are not a CXL machine's business.
            if name == "host" and off >= 0x40:
                continue
            # CONFIG_LOCK (CXL 3.1 8.1.3.6) would make the rest of its structure read-only.
            if name == "type3" and off == DVSEC_LOCK:
                continue
            self.q.writel(base + off, 0xffffffff)
            ones = self.q.readl(base + off)
            self.q.writel(base + off, 0)
            zeros = self.q.readl(base + off)
            self.q.writel(base + off, before[off])
            found[off] = ones ^ zeros
        return found

    # --- register blocks ---

    def blocks(self):
        self.host.enumerate()
        yield "chbs", self.host.chbs
        yield "port", self.host.port_bars[0]
        yield "type3", self.host.comp

    def dwords(self, base, size):
        return {off: self.q.readl(base + off) for off in range(0, size, 4)}

    def component(self):
        """Component registers after reset, and what can be written of RAS and HDM decoders."""
        for name, base in self.blocks():
            before = self.dwords(base + CACHEMEM, CACHEMEM_SIZE)
            for off, value in before.items():
                self.note(f"component/{name}/{off:03x}", hex32(value))
            array = {before[4 * i] & 0xffff: before[4 * i] >> 20
                     for i in range(1, (before[0] >> 24) + 1)}
            for kind, size in ((RAS, 0x58), (HDM, 0x90)):
                if kind not in array:
                    continue
                # Decoder control first: COMMIT (b9) freezes a decoder, so it goes back to 0.
                for off in range(array[kind], array[kind] + size, 4):
                    at = base + CACHEMEM + off
                    control = kind == HDM and off - array[kind] >= 0x10 and \
                        (off - array[kind]) % 0x20 == 0
                    self.q.writel(at, 0xffffffff & ~(0x300 if control else 0))
                    ones = self.q.readl(at)
                    self.q.writel(at, 0)
                    zeros = self.q.readl(at)
                    self.q.writel(at, before[off])
                    self.note(f"hdm-ras/{name}/{off:03x}", hex32(ones ^ zeros))

    def commits(self):
        """What committing decoder 0 answers: as it must be, without size, at another decoder."""
        self.host.enumerate()
        for name, base in (("chbs", self.host.chbs), ("type3", self.host.comp)):
            hdm = self.host.hdm(base)
            tries = {"one": (0, 1 << 32, 256 << 20, 0), "no-size": (0, 1 << 32, 0, 0),
                     "second-first": (1, 1 << 32, 256 << 20, 0)}
            for what, (n, start, size, extra) in tries.items():
                self.host.commit(hdm, n, start, size, extra)
                control = hdm + 0x10 + 0x20 * n + 0x10
                self.note(f"commit/{name}/{what}", hex32(self.q.readl(control)))
                self.q.writel(control, 0)
                self.note(f"commit/{name}/{what}-undone", hex32(self.q.readl(control)))

    def device(self):
        """Device registers after reset, up to the end of the last structure."""
        self.host.enumerate()
        base = self.host.devregs
        count = self.q.readq(base) >> 32 & 0xffff
        end = max(self.q.readl(base + 0x10 * i + 4) + self.q.readl(base + 0x10 * i + 8)
                  for i in range(1, count + 1))
        self.note("device/count", count)
        for off in range(0, end, 8):
            self.note(f"device/{off:03x}", f"{self.q.readq(base + off):016x}h")

    # --- mailbox ---

    def run(self, key, opcode, payload=b""):
        """One command; its answer, payload with it, is noted."""
        q, m = self.q, self.host.mbox
        q.write(m + 0x20, bytes(0x200))
        if payload:
            q.write(m + 0x20, payload)
        q.writeq(m + 8, opcode | len(payload) << 16)
        q.writel(m + 4, 1)
        assert q.readl(m + 4) & 1 == 0, "the command did not complete"
        code = q.readq(m + 0x10) >> 32 & 0xffff
        out = q.read(m + 0x20, q.readq(m + 8) >> 16 & 0x1fffff) if code == 0 else b""
        if opcode == IDENTIFY and out:
            # The name without its version, which changes with each release.
            self.note(f"{key}/firmware", out[:16].split(b"\0")[0].split(b" ")[0].decode())
            self.note(f"{key}/capacity", out[0x10:0x30].hex())
            for field, at, size in IDENTIFY_SIZES:
                self.note(f"{key}/{field}", int.from_bytes(out[at:at + size], "little"))
            self.note(f"{key}/rest", out[0x43 + 2:].hex() or "nothing")
            out = b""
        self.note(key, f"{code:04x}h" + (f" {out.hex()}" if out else ""))

    def mailbox(self, prefix="mailbox", opcodes=range(0x10000)):
        self.host.enumerate()
        for name, opcode, good in COMMANDS:
            if opcode not in opcodes:
                continue
            key = f"{prefix}/{opcode:04x}-{name}"
            self.run(key, opcode, good)
            if good:
                self.run(f"{key}/short", opcode, good[:-1])
            self.run(f"{key}/long", opcode, good + b"\0")
        for opcode, effects in self.effects().items():
            if opcode in opcodes:
                self.note(f"{prefix}/effects/{opcode:04x}h", f"{effects:04x}h")

    def effects(self):
        """The command effects log: {opcode: effects} (CXL 3.1 8.2.9.5.2.1)."""
        logs = self.host.command(GET_LOGS)
        size = struct.unpack_from("<I", logs, 8 + logs[8:].index(CEL) + 16)[0]
        log = self.host.command(GET_LOG, CEL + struct.pack("<II", 0, size))
        return dict(struct.iter_unpack("<HH", log))

    def dc_mailbox(self):
        """As mailbox(), of a device with dynamic capacity and of what it has more."""
        self.mailbox("dcmailbox", range(0x4800, 0x4900))

    def fatal(self, command):
        """A command that may be the program's last."""
        name, opcode, payload = command
        self.host.enumerate()
        try:
            self.run(f"fatal/{name}", opcode, payload)
        except (EOFError, ConnectionResetError):
            self.note(f"fatal/{name}", "the program ends")

    # --- QMP ---

    def errors(self):
        """Class and text of refusals, by request."""
        for name, command, arguments in REQUESTS:
            try:
                answer = self.qmp.cmd(command, **arguments)
                self.note(f"qmp/{name}", f"returns {answer}")
            except QmpError as error:
                # One line of a table.
                text = error.desc.replace("\n", "\\n")
                self.note(f"qmp/{name}", f"{error.error_class}: {text}")

    # --- ACPI ---

    def acpi(self):
        """The structures of CEDT: in RAM, where an OS finds it, else in the file for firmware."""
        q = self.q
        q.outl(0xcf8, 1 << 31 | 0x60)
        q.outl(0xcfc, ECAM | 1)
        area = q.read(0xe0000, 0x20000)
        at = next((i for i in range(0, len(area), 16) if area[i:i + 8] == b"RSD PTR "), None)
        table = self.firmware_cedt() if at is None else self.cedt_in_ram(
            struct.unpack_from("<Q", area, at + 24)[0])
        self.note("acpi/cedt/length", len(table))
        self.note("acpi/cedt/revision", table[8])
        self.note("acpi/cedt/ids", table[10:36].hex())
        off, n = 36, 0
        while off < len(table):
            size = struct.unpack_from("<H", table, off + 2)[0]
            self.note(f"acpi/cedt/structure-{n}", table[off:off + size].hex())
            off, n = off + size, n + 1

    def cedt_in_ram(self, xsdt):
        q = self.q
        length = q.readl(xsdt + 4)
        for (addr,) in struct.iter_unpack("<Q", q.read(xsdt + 36, length - 36)):
            if q.read(addr, 4) == b"CEDT":
                return q.read(addr, q.readl(addr + 4))
        raise LookupError("no CEDT")

    def firmware_cedt(self):
        """fw_cfg by its ports: the file etc/acpi/tables."""
        def select(key):
            self.q.cmd(f"outw 0x510 {key:#x}")

        def take(n):
            return bytes(int(self.q.cmd("inb 0x511"), 0) for _ in range(n))

        select(SEL_DIRECTORY)
        for _ in range(struct.unpack(">I", take(4))[0]):
            size, key, name = struct.unpack(">IH2x56s", take(64))
            if name.rstrip(b"\0") != b"etc/acpi/tables":
                continue
            select(key)
            head, done = take(8), 0
            while done + 8 <= size:
                length = struct.unpack_from("<I", head, 4)[0]
                if length < 8:
                    break
                table = head + take(length - 8)
                if head[:4] == b"CEDT":
                    return table
                done += length
                head = take(8)
        raise LookupError("no CEDT")
