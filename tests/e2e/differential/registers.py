# SPDX-License-Identifier: Apache-2.0
"""Register blocks: component registers of host bridge, root port and device, device registers."""

from observe import hex32

# CXL 3.1 8.2.3: the part of a component block with the capability array and its structures.
CACHEMEM, CACHEMEM_SIZE = 0x1000, 0x1000
RAS, HDM = 2, 5


def blocks(o):
    o.host.enumerate()
    yield "chbs", o.host.chbs
    yield "port", o.host.port_bars[0]
    yield "type3", o.host.comp


def dwords(o, base, size):
    return {off: o.q.readl(base + off) for off in range(0, size, 4)}


def component(o):
    """Component registers after reset, and what can be written of RAS and HDM decoders."""
    for name, base in blocks(o):
        before = dwords(o, base + CACHEMEM, CACHEMEM_SIZE)
        for off, value in before.items():
            o.note(f"component/{name}/{off:03x}", hex32(value))
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
                o.q.writel(at, 0xffffffff & ~(0x300 if control else 0))
                ones = o.q.readl(at)
                o.q.writel(at, 0)
                zeros = o.q.readl(at)
                o.q.writel(at, before[off])
                o.note(f"hdm-ras/{name}/{off:03x}", hex32(ones ^ zeros))


def commits(o):
    """What committing decoder 0 answers: as it must be, without size, at another decoder."""
    o.host.enumerate()
    for name, base in (("chbs", o.host.chbs), ("type3", o.host.comp)):
        hdm = o.host.hdm(base)
        tries = {"one": (0, 1 << 32, 256 << 20, 0), "no-size": (0, 1 << 32, 0, 0),
                 "second-first": (1, 1 << 32, 256 << 20, 0)}
        for what, (n, start, size, extra) in tries.items():
            o.host.commit(hdm, n, start, size, extra)
            control = hdm + 0x10 + 0x20 * n + 0x10
            o.note(f"commit/{name}/{what}", hex32(o.q.readl(control)))
            o.q.writel(control, 0)
            o.note(f"commit/{name}/{what}-undone", hex32(o.q.readl(control)))


def device(o):
    """Device registers after reset, up to the end of the last structure."""
    o.host.enumerate()
    base = o.host.devregs
    count = o.q.readq(base) >> 32 & 0xffff
    end = max(o.q.readl(base + 0x10 * i + 4) + o.q.readl(base + 0x10 * i + 8)
              for i in range(1, count + 1))
    o.note("device/count", count)
    for off in range(0, end, 8):
        o.note(f"device/{off:03x}", f"{o.q.readq(base + off):016x}h")
