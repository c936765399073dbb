# SPDX-License-Identifier: Apache-2.0
"""Where an address of a window of one way leads: decoders of the host bridge and the device are
programmed in several ways, then the window is written and read at edges and in between. What is
kept, and which byte of the device's memory it is, must agree."""

import os
import random
import struct

from machines import MEMORY_FILE, WINDOW

UNIT, WINDOW_UNITS = 256 << 20, 16
COMMIT, LOCK, HOST_ONLY = 1 << 9, 1 << 8, 1 << 12
ENABLE = 2


def bridge(n, start, size, target=0, control=0):
    """Commit decoder @n over @size units of 256 MiB, @start units into the window."""
    return ("bridge", n, start, size, target, control)


def device(n, start, size, skip=0, control=0):
    return ("device", n, start, size, skip * UNIT, control)


def off(who, n):
    """Take COMMIT away again."""
    return (who, n, None)


def disabled(who):
    return (who, None, None)


# The device has four units, the window sixteen, the port the number 0.
LAYOUTS = {
    "whole": [bridge(0, 0, 4), device(0, 0, 4)],
    "device-in-four": [bridge(0, 0, 4)] + [device(n, n, 1) for n in range(4)],
    "bridge-in-four": [bridge(n, n, 1) for n in range(4)] + [device(0, 0, 4)],
    "both-in-four": [f(n, n, 1) for n in range(4) for f in (bridge, device)],
    "window-offset": [bridge(0, 3, 4), device(0, 3, 4)],
    "end-of-window": [bridge(0, 12, 4), device(0, 12, 4)],
    "device-in-the-middle": [bridge(0, 0, 4), device(0, 1, 2)],
    "bridge-in-the-middle": [bridge(0, 1, 2), device(0, 0, 4)],
    "nothing-in-common": [bridge(0, 0, 2), device(0, 2, 2)],
    "holes": [bridge(0, 0, 8), device(0, 0, 1), device(1, 3, 2), device(2, 7, 1)],
    "skips": [bridge(0, 0, 4), device(0, 0, 1, skip=1), device(1, 2, 1, skip=1)],
    "device-first": [device(0, 0, 4), bridge(0, 0, 4)],
    "no-bridge": [device(0, 0, 4)],
    "no-device": [bridge(0, 0, 4)],
    "bridge-disabled": [bridge(0, 0, 4), device(0, 0, 4), disabled("bridge")],
    "no-such-port": [bridge(0, 0, 4, target=5), device(0, 0, 4)],
    "device-off": [bridge(0, 0, 4), device(0, 0, 2), device(1, 2, 2), off("device", 1)],
    "bridge-off": [bridge(0, 0, 2), bridge(1, 2, 2), device(0, 0, 4), off("bridge", 1)],
    "committed-elsewhere": [bridge(0, 0, 8), device(0, 0, 4), off("device", 0), device(0, 2, 4)],
    "device-locked": [bridge(0, 0, 4), device(0, 0, 4, control=LOCK), off("device", 0)],
    "bridge-locked": [bridge(0, 0, 4, control=LOCK), device(0, 0, 4), off("bridge", 0)],
    # What commit must refuse (8.2.4.20.12).
    "second-first": [bridge(0, 0, 4), device(1, 0, 4)],
    "going-down": [bridge(0, 0, 4), device(0, 2, 2), device(1, 0, 2)],
    "overlapping": [bridge(0, 0, 4), device(0, 0, 2), device(1, 1, 2)],
    "beyond-the-device": [bridge(0, 0, 8), device(0, 0, 8)],
    "skip-beyond-the-device": [bridge(0, 0, 4), device(0, 0, 2, skip=3)],
}
# With one port and no decoders in the bridge.
PASS_THROUGH = {
    "all": [device(0, 0, 4)],
    "two-ranges": [device(0, 1, 2), device(1, 13, 2)],
    "nothing": [],
}


def probes():
    """Offsets into the window: around every unit, and some in between, always the same ones."""
    rng, found = random.Random(20), set()
    for unit in range(WINDOW_UNITS + 1):
        found |= {unit * UNIT + at for at in (-8, 0, 8, 0x1000)}
        found.add(unit * UNIT + rng.randrange(UNIT) & ~7)
    return sorted(at for at in found if 0 <= at < WINDOW_UNITS * UNIT)


def program(o, steps):
    """Take the steps; the control register after each, as text."""
    hdm = {"bridge": o.host.hdm(o.host.chbs), "device": o.host.hdm(o.host.comp)}
    said = []
    for who in hdm:
        if hdm[who]:
            o.q.writel(hdm[who] + 4, ENABLE)
    for who, n, start, *rest in steps:
        if n is None:
            o.q.writel(hdm[who] + 4, 0)
            continue
        at = hdm[who] + 0x10 + 0x20 * n
        if start is None:
            o.q.writel(at + 0x10, HOST_ONLY)
        else:
            size, extra, control = rest
            for reg, value in ((0, WINDOW + start * UNIT), (8, size * UNIT), (0x14, extra)):
                o.q.writel(at + reg, value & 0xffffffff)
                o.q.writel(at + reg + 4, value >> 32)
            o.q.writel(at + 0x10, HOST_ONLY | COMMIT | control)
        said.append(f"{who}{n}:{o.q.readl(at + 0x10):x}")
    return " ".join(said)


def memory(o):
    """{offset: value} of all words of the device's memory that are not 0."""
    found = {}
    with open(os.path.join(o.dir, MEMORY_FILE), "rb") as f:
        at = 0
        while True:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
                end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
            except OSError:
                return found
            for page in range(at, end, 4096):
                data = os.pread(f.fileno(), 4096, page)
                if any(data):
                    found |= {page + i: int.from_bytes(data[i:i + 8], "little")
                              for i in range(0, len(data), 8) if any(data[i:i + 8])}
            at = end


def places(got, stored):
    """A character for each unit of the window: which unit of the device all its probes are kept in,
    each at its own offset; "." if all are lost; "?" if some are, or are elsewhere."""
    text, left = "", dict(stored)
    for unit in range(WINDOW_UNITS):
        values = {n + 1: at for n, at in enumerate(probes()) if at // UNIT == unit}
        kept = {v for v, at in values.items() if got[at] == v}
        found = {(at - values[v] % UNIT) / UNIT for at, v in stored.items() if v in values}
        left = {at: v for at, v in left.items() if v not in values}
        whole = len(found) == 1 and kept == set(values)
        text += f"{int(found.pop()):x}" if whole else "?" if kept or found else "."
    return text + (" and elsewhere" if left else "")


def layout(prefix, name, steps):
    """To look at one layout on a machine of its own."""
    def look(o):
        o.host.enumerate()
        o.note(f"{prefix}/{name}/commits", program(o, steps) or "none")
        values = {at: n + 1 for n, at in enumerate(probes())}
        for at, value in values.items():
            o.q.writeq(WINDOW + at, value)
        got = {at: o.q.readq(WINDOW + at) for at in values}
        o.note(f"{prefix}/{name}/map", places(got, memory(o)))
        # One access over the edge between two words that are kept.
        kept = [at for at in values if got[at] == values[at] and got.get(at + 8) == values[at] + 1]
        wrong = [at for at in kept
                 if o.q.read(WINDOW + at + 4, 8) != struct.pack("<II", 0, values[at] + 1)]
        o.note(f"{prefix}/{name}/over-edges", " ".join(map(hex, wrong)) or "right")
        if name == next(iter(LAYOUTS)):
            lost = {got[at] for at in values if got[at] != values[at]}
            o.note(f"{prefix}/what-leads-nowhere-reads", " ".join(f"{v:016x}h" for v in lost))
    return look


def layouts(prefix, table):
    return [layout(prefix, name, steps) for name, steps in table.items()]
