# SPDX-License-Identifier: Apache-2.0
"""A host of its own, in Python, over qtest: enough firmware and driver to bring up one CXL memory
device below one root port, and to run the dynamic-capacity flow on it. Shares no code with the
built-in host and works on QEMU's devices as well, which keeps both honest."""

import struct
import uuid

WINDOW_UNIT = 256 << 20
ECAM = 0xb0000000

# CXL 3.1 8.2.9: opcodes used here
GET_EVENTS, CLEAR_EVENTS, GET_POLICY, SET_POLICY = 0x0100, 0x0101, 0x0102, 0x0103
GET_TIMESTAMP, SET_TIMESTAMP = 0x0300, 0x0301
IDENTIFY, DC_CONFIG, DC_EXTENTS, DC_ADD, DC_RELEASE = 0x4000, 0x4800, 0x4801, 0x4802, 0x4803
DC_LOG = 4


class MailboxError(Exception):
    """A command failed; .code is the return code."""

    def __init__(self, opcode, code):
        super().__init__(f"command {opcode:04x}h returned {code:04x}h")
        self.code = code


class CxlHost:
    """Brings up the first memory device below the root port at bus @bridge_bus, slot 0."""

    def __init__(self, qtest, bridge_bus=12, chbs=None, window=None, bar_base=0xc0000000,
                 passthrough=False):
        self.q = qtest
        self.bus = bridge_bus
        self.chbs = chbs
        self.window = window
        self.next_bar = bar_base
        self.passthrough = passthrough

    # --- configuration space, by CF8h below 100h and by ECAM above ---

    def cfg_read32(self, bus, dev, off):
        if off < 0x100:
            self.q.outl(0xcf8, 1 << 31 | bus << 16 | dev << 11 | off)
            return self.q.inl(0xcfc)
        return self.q.readl(ECAM + (bus << 20 | dev << 15) + off)

    def cfg_write32(self, bus, dev, off, value):
        if off < 0x100:
            self.q.outl(0xcf8, 1 << 31 | bus << 16 | dev << 11 | off)
            self.q.outl(0xcfc, value)
        else:
            self.q.writel(ECAM + (bus << 20 | dev << 15) + off, value)

    def ext_caps(self, bus, dev):
        off = 0x100
        while off:
            header = self.cfg_read32(bus, dev, off)
            if header in (0, 0xffffffff):
                return
            yield header & 0xffff, off
            off = header >> 20

    def dvsec(self, bus, dev, number):
        for cap, off in self.ext_caps(bus, dev):
            if cap == 0x23 and self.cfg_read32(bus, dev, off + 4) & 0xffff == 0x1e98 and \
                    self.cfg_read32(bus, dev, off + 8) & 0xffff == number:
                return off
        return None

    # --- firmware's part ---

    def place_bars(self, bus, dev, count):
        """Size and place the memory BARs; their addresses by number."""
        bars, n = {}, 0
        while n < count:
            off = 0x10 + 4 * n
            self.cfg_write32(bus, dev, off, 0xffffffff)
            low = self.cfg_read32(bus, dev, off)
            if low == 0:
                n += 1
                continue
            size = -(low & ~0xf) & 0xffffffff
            self.next_bar = (self.next_bar + size - 1) & ~(size - 1)
            self.cfg_write32(bus, dev, off, self.next_bar)
            bars[n] = self.next_bar
            self.next_bar += size
            if low & 4:
                self.cfg_write32(bus, dev, off + 4, 0)
                n += 1
            n += 1
        return bars

    def open_config(self):
        """Turn ECAM on, which the registers above 100h need; firmware does this."""
        self.q.outl(0xcf8, 1 << 31 | 0x60)
        self.q.outl(0xcfc, ECAM | 1)

    def power_on(self, bus):
        """Switch the slot below a port on, if something is in it: one that was empty has no power."""
        slot = self.pcie_cap(bus) + 0x18
        word = self.cfg_read32(bus, 0, slot)
        if word >> 16 & 0x40 and word & 0x400:
            self.cfg_write32(bus, 0, slot, word & 0xf8ff | 0x100)

    def enumerate(self):
        port, endpoint = self.bus, self.bus + 1
        self.open_config()
        assert self.cfg_read32(port, 0, 0) not in (0xffffffff, 0), "no root port"
        self.power_on(port)
        self.port_bars = self.place_bars(port, 0, 2)
        self.cfg_write32(port, 0, 0x18, port | endpoint << 8 | endpoint << 16)
        self.next_bar = (self.next_bar + 0xfffff) & ~0xfffff
        start = self.next_bar
        assert self.cfg_read32(endpoint, 0, 8) >> 8 == 0x050210, "no memory device"
        self.bars = self.place_bars(endpoint, 0, 6)
        end = (self.next_bar + 0xfffff) & ~0xfffff
        self.cfg_write32(port, 0, 0x20, (start >> 16 & 0xfff0) | ((end - 1) & 0xfff00000))
        self.cfg_write32(port, 0, 0x24, 0x0000fff0)  # no prefetchable window
        for bus in (port, endpoint):
            self.cfg_write32(bus, 0, 4, 0x6)
        self.ep = endpoint
        locator = self.dvsec(endpoint, 0, 8)
        blocks = {}
        for i in range(3):
            low = self.cfg_read32(endpoint, 0, locator + 0x0c + 8 * i)
            high = self.cfg_read32(endpoint, 0, locator + 0x10 + 8 * i)
            blocks[low >> 8 & 0xff] = self.bars.get(low & 7, 0) + (high << 32 | low & 0xffff0000)
        self.comp, self.devregs = blocks[1], blocks[3]
        self.find_mailbox()

    def find_mailbox(self):
        count = self.q.readq(self.devregs) >> 32 & 0xffff
        caps = {}
        for i in range(1, count + 1):
            low = self.q.readq(self.devregs + 0x10 * i)
            caps[low & 0xffff] = self.devregs + (low >> 32)
        self.status_reg, self.mbox, self.memdev_status = caps[1], caps[2], caps[0x4000]
        self.payload_size = 1 << (self.q.readl(self.mbox) & 0x1f)

    # --- decoders ---

    def hdm(self, base):
        """The HDM decoder structure behind a component block, or None."""
        array = base + 0x1000
        header = self.q.readl(array)
        for i in range(1, (header >> 24) + 1):
            entry = self.q.readl(array + 4 * i)
            if entry & 0xffff == 5:
                return array + (entry >> 20)
        return None

    def commit(self, hdm, n, base, size, extra=0):
        at = hdm + 0x10 + 0x20 * n
        q = self.q
        q.writel(at + 0x00, base & 0xf0000000)
        q.writel(at + 0x04, base >> 32)
        q.writel(at + 0x08, size & 0xf0000000)
        q.writel(at + 0x0c, size >> 32)
        q.writel(at + 0x14, extra & 0xffffffff)
        q.writel(at + 0x18, extra >> 32)
        q.writel(at + 0x10, 1 << 12 | 1 << 9)
        return q.readl(at + 0x10) >> 10 & 3 == 1

    def map_dpa(self, size):
        """One decoder on the way for DPA 0 up to @size, at the window's base."""
        if not self.passthrough:
            hdm = self.hdm(self.chbs)
            assert hdm, "no decoders at the host bridge"
            port = self.cfg_read32(self.bus, 0, self.pcie_cap(self.bus) + 0x0c) >> 24
            assert self.commit(hdm, 0, self.window, size, port)
            self.q.writel(hdm + 4, 2)
        hdm = self.hdm(self.comp)
        assert self.commit(hdm, 0, self.window, size)
        self.q.writel(hdm + 4, 2)

    def pcie_cap(self, bus):
        off = self.cfg_read32(bus, 0, 0x34) & 0xff
        while off:
            word = self.cfg_read32(bus, 0, off)
            if word & 0xff == 0x10:
                return off
            off = word >> 8 & 0xff
        raise LookupError("no PCIe capability")

    # --- mailbox (CXL 3.1 8.2.8.4) ---

    def command(self, opcode, payload=b""):
        q, m = self.q, self.mbox
        assert q.readl(m + 4) & 1 == 0, "doorbell is set"
        if payload:
            q.write(m + 0x20, payload)
        q.writeq(m + 8, opcode | len(payload) << 16)
        q.writel(m + 4, 1)
        while q.readl(m + 4) & 1:
            pass
        code = q.readq(m + 0x10) >> 32 & 0xffff
        if code:
            raise MailboxError(opcode, code)
        return q.read(m + 0x20, q.readq(m + 8) >> 16 & 0x1fffff)

    def dc_regions(self):
        out = self.command(DC_CONFIG, struct.pack("<BB", 8, 0))
        regions = []
        for i in range(out[1]):
            base, decode, length, block = struct.unpack_from("<QQQQ", out, 8 + 0x28 * i)
            regions.append((base, decode * WINDOW_UNIT, length, block))
        return regions

    def events(self, log=DC_LOG):
        """The records of a log, which are then cleared."""
        out = self.command(GET_EVENTS, bytes([log]))
        count = struct.unpack_from("<H", out, 0x14)[0]
        records = [out[0x20 + 0x80 * i:0x20 + 0x80 * (i + 1)] for i in range(count)]
        if records:
            handles = b"".join(r[0x14:0x16] for r in records)
            self.command(CLEAR_EVENTS, struct.pack("<BBB3x", log, 0, count) + handles)
        return records

    @staticmethod
    def dc_record(record):
        """Type, more, DPA, length, tag and sequence of a dynamic-capacity record."""
        dpa, length = struct.unpack_from("<QQ", record, 0x38)
        return {"type": record[0x30], "more": record[0x35] & 1, "dpa": dpa, "len": length,
                "tag": str(uuid.UUID(bytes=record[0x48:0x58])),
                "seq": struct.unpack_from("<H", record, 0x58)[0]}

    def dc_list(self, opcode, extents, more=False):
        payload = struct.pack("<IB3x", len(extents), more)
        for dpa, length in extents:
            payload += struct.pack("<QQ8x", dpa, length)
        return self.command(opcode, payload)

    def accepted(self):
        out = self.command(DC_EXTENTS, struct.pack("<II", 100, 0))
        count, total, generation = struct.unpack_from("<III", out, 0)
        assert count == total
        return generation, [
            (*struct.unpack_from("<QQ", out, 0x10 + 0x28 * i),
             str(uuid.UUID(bytes=out[0x20 + 0x28 * i:0x30 + 0x28 * i])),
             struct.unpack_from("<H", out, 0x30 + 0x28 * i)[0]) for i in range(count)]

    # --- MSI-X ---

    def msix(self, vector, addr, data):
        """Send @vector as a write of @data to RAM at @addr, where a test can read it."""
        off = self.cfg_read32(self.ep, 0, 0x34) & 0xff
        while self.cfg_read32(self.ep, 0, off) & 0xff != 0x11:
            off = self.cfg_read32(self.ep, 0, off) >> 8 & 0xff
        table = self.cfg_read32(self.ep, 0, off + 4)
        entry = self.bars[table & 7] + (table & ~7) + 16 * vector
        self.q.writel(entry, addr)
        self.q.writel(entry + 4, 0)
        self.q.writel(entry + 8, data)
        self.q.writel(entry + 12, 0)
        word = self.cfg_read32(self.ep, 0, off)
        self.cfg_write32(self.ep, 0, off, word & 0xffff | (word >> 16 & 0x3fff | 0x8000) << 16)
