# SPDX-License-Identifier: Apache-2.0
"""Data object exchange (PCIe 6.0 6.30) of a memory device: discovery, its CDAT (CXL 3.1 8.1.11)
read to the end, and requests that are wrong."""

PCI_SIG, CXL = 0x0001, 0x1e98
DISCOVERY, COMPLIANCE, TABLE_ACCESS = 0, 0, 2
CAP, CTL, STATUS, WRITE, READ = 4, 8, 0xc, 0x10, 0x14
ABORT, INT_EN, GO, READY = 1, 2, 1 << 31, 1 << 31
DOE = 0x2e
LAST = 0xffff
MOST = 64  # dwords of an answer

# Name, the dwords of an object: what is wrong with it, or what is not there.
REQUESTS = {
    "nothing": [],
    "header-only": [CXL | TABLE_ACCESS << 16, 2],
    "half-a-header": [CXL | TABLE_ACCESS << 16],
    "length-0": [CXL | TABLE_ACCESS << 16, 0, 0],
    "length-1": [CXL | TABLE_ACCESS << 16, 1, 0],
    "length-2-and-a-dword": [CXL | TABLE_ACCESS << 16, 2, 0],
    "shorter-than-it-says": [CXL | TABLE_ACCESS << 16, 4, 0],
    "longer-than-it-says": [CXL | TABLE_ACCESS << 16, 3, 0, 0],
    "length-18-bits": [CXL | TABLE_ACCESS << 16, 0x3ffff, 0],
    "reserved-bits-of-length": [CXL | TABLE_ACCESS << 16, 0xfff00003, 0],
    "request-code-1": [CXL | TABLE_ACCESS << 16, 3, 1],
    "table-type-1": [CXL | TABLE_ACCESS << 16, 3, 0x100],
    "no-such-handle": [CXL | TABLE_ACCESS << 16, 3, 0x7000 << 16],
    "last-handle": [CXL | TABLE_ACCESS << 16, 3, LAST << 16],
    "no-such-type": [CXL | 0x77 << 16, 3, 0],
    "no-such-vendor": [0x8086, 3, 0],
    "compliance": [CXL | COMPLIANCE << 16, 3, 0],
    "discovery-reserved-bits": [PCI_SIG, 3, 0xffffff00],
    "discovery-too-long": [PCI_SIG, 4, 0, 0],
}


class Mailbox:
    def __init__(self, o):
        self.host, self.bus = o.host, o.host.ep
        self.off = next(off for cap, off in o.host.ext_caps(self.bus, 0) if cap == DOE)

    def get(self, reg):
        return self.host.cfg_read32(self.bus, 0, self.off + reg)

    def put(self, reg, value):
        self.host.cfg_write32(self.bus, 0, self.off + reg, value)

    def send(self, dwords):
        for dword in dwords:
            self.put(WRITE, dword)
        self.put(CTL, GO)

    def answer(self):
        """The dwords of an answer, as far as there are some."""
        dwords = []
        while self.get(STATUS) & READY and len(dwords) < MOST:
            dwords.append(self.get(READ))
            self.put(READ, 0)
        return dwords


def state(box, dwords):
    """The status register, and an answer; a dword that is there many times is told once."""
    if len(dwords) == MOST and len(set(dwords)) == 1:
        return f"status {box.get(STATUS):08x}h {dwords[0]:08x} for ever"
    return f"status {box.get(STATUS):08x}h" + "".join(f" {d:08x}" for d in dwords)


def exchange(o):
    """Everything, of one device."""
    o.host.enumerate()
    box, prefix = Mailbox(o), "doe"
    o.note(f"{prefix}/offset", f"{box.off:03x}h")
    for name, reg in (("capability", CAP), ("control", CTL), ("status", STATUS),
                      ("write", WRITE), ("read", READ)):
        o.note(f"{prefix}/reset/{name}", f"{box.get(reg):08x}h")
    for index in (0, 1, 2, 255):
        box.send([PCI_SIG | DISCOVERY << 16, 3, index])
        o.note(f"{prefix}/discovery/{index}", state(box, box.answer()))
        box.put(CTL, ABORT)
    table(o, box, prefix)
    for name, dwords in REQUESTS.items():
        box.send(dwords)
        before = box.get(STATUS)
        o.note(f"{prefix}/bad/{name}", f"{before:08x}h, " + state(box, box.answer()))
        box.put(CTL, ABORT)
        o.note(f"{prefix}/bad/{name}/aborted", state(box, []))
    unusual(o, box, prefix)


def cdat(prefix):
    """To look at the table alone; keys start with @prefix."""
    def look(o):
        o.host.enumerate()
        table(o, Mailbox(o), prefix)
    return look


def table(o, box, prefix):
    """Every entry, by its number."""
    handle, n = 0, 0
    while handle != LAST and n < 64:
        box.send([CXL | TABLE_ACCESS << 16, 3, handle << 16])
        dwords = box.answer()
        o.note(f"{prefix}/cdat/{n}", state(box, dwords))
        if len(dwords) < 3:
            return
        handle, n = dwords[2] >> 16, n + 1


def unusual(o, box, prefix):
    """What a driver would not do: an answer left half read, a request over an answer."""
    request = [CXL | TABLE_ACCESS << 16, 3, 0]
    box.send(request)
    box.put(READ, 0)
    o.note(f"{prefix}/unusual/second-dword", f"{box.get(READ):08x}h")
    box.put(CTL, ABORT)
    o.note(f"{prefix}/unusual/aborted", f"{box.get(READ):08x}h, " + state(box, []))
    box.send(request)
    box.put(WRITE, request[0])
    o.note(f"{prefix}/unusual/written-over-an-answer", state(box, []))
    box.put(CTL, GO)
    o.note(f"{prefix}/unusual/go-over-an-answer", state(box, box.answer()))
    box.put(CTL, ABORT)
    box.put(READ, 0)
    o.note(f"{prefix}/unusual/read-on-without-an-answer", f"{box.get(READ):08x}h, " + state(box, []))
    box.put(CTL, ABORT)
    for dword in request:
        box.put(WRITE, dword)
    box.put(CTL, GO | ABORT)
    o.note(f"{prefix}/unusual/go-and-abort", state(box, box.answer()))
    box.put(CTL, ABORT)
    box.put(STATUS, 0xffffffff)
    o.note(f"{prefix}/unusual/status-written", state(box, []))
    box.put(CTL, INT_EN)
    box.send(request)
    o.note(f"{prefix}/unusual/go-without-interrupts", state(box, box.answer()))
    box.put(CTL, ABORT)
    box.put(CTL, INT_EN)
    for dword in request:
        box.put(WRITE, dword)
    box.put(CTL, GO | INT_EN)
    o.note(f"{prefix}/unusual/with-interrupts", state(box, []))
    o.note(f"{prefix}/unusual/with-interrupts-read", state(box, box.answer()))
    box.put(STATUS, 2)
    o.note(f"{prefix}/unusual/interrupt-cleared", state(box, []))
