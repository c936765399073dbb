# SPDX-License-Identifier: Apache-2.0
"""Dynamic capacity on one backend for all regions, behind 512 MiB of volatile memory: offered,
taken and given back, whole and in parts; each step's answer, records, list and bytes."""

import re
import struct

from cxbpy.qmp import QmpError
from machines import WINDOW
from records import clear, read

DC_CONFIG, DC_EXTENTS, RESPOND, RELEASE = 0x4800, 0x4801, 0x4802, 0x4803
PATH = "/machine/peripheral/cxl-vmem0"
LOG = 4
BLOCK, BASE = 2 << 20, 512 << 20
# Of a record (CXL 3.1 8.2.9.2.1.6): type to sequence, and how much there is left.
EXTENT, LEFT = slice(0x30, 0x60), slice(0x78, 0x80)
TAG = "1da0a8a5-1d8b-4c8b-9f4e-0d1b3c5a7f01"


def extents(ranges):
    return [{"offset": at * BLOCK, "len": n * BLOCK} for at, n in ranges]


def ask(o, key, command, **arguments):
    """What it returns, or the error; which extent it was, if it says so, is refusals.py's."""
    try:
        o.note(key, f"returns {o.qmp.cmd(command, path=PATH, host_id=0, region=0, **arguments)}")
    except QmpError as error:
        o.note(key, f"{error.error_class}: {re.split(': (dpa|extent) ', error.desc)[0]}")
    records(o, f"{key}/records")


def offer(o, key, ranges, **more):
    ask(o, f"{key}/offer", "cxl-add-dynamic-capacity", selection_policy="prescriptive",
        extents=extents(ranges), **more)


def ask_back(o, key, ranges):
    ask(o, f"{key}/ask-back", "cxl-release-dynamic-capacity", removal_policy="prescriptive",
        extents=extents(ranges))


def records(o, key):
    """What is in the log, which is empty then; of each record what it says of its extent."""
    _, found = read(o, LOG)
    if found:
        clear(o, LOG, found)
    o.note(key, ", ".join(r[EXTENT].hex() for r in found) or "nothing")


def payload(ranges, count=None, flags=0):
    """A list for 4802h or 4803h, in blocks (parts of them are floats) from the region's base."""
    return struct.pack("<IB3x", len(ranges) if count is None else count, flags) + b"".join(
        struct.pack("<QQ8x", BASE + int(at * BLOCK), int(n * BLOCK)) for at, n in ranges)


def host(o, key, opcode, ranges, **changed):
    o.run(key, opcode, payload(ranges, **changed))


def listed(o, key):
    """The accepted extents, as many as there are by the total."""
    out = o.host.command(DC_EXTENTS, struct.pack("<II", 100, 0))
    total = struct.unpack_from("<I", out, 4)[0]
    found = list(struct.iter_unpack("<QQ16sH6x", out[0x10:]))[:total]
    o.note(f"{key}/list", ", ".join(
        f"{(dpa - BASE) / BLOCK:g}+{size / BLOCK:g} tag {tag.hex()} seq {seq}"
        for dpa, size, tag, seq in found) or "none")


def generations(o, key, act):
    """Whether the generation number changes when @act runs."""
    def now():
        return struct.unpack_from("<I", o.host.command(DC_EXTENTS, bytes(8)), 8)[0]
    before = now()
    act()
    o.note(f"{key}/generation", "changes" if now() != before else "stays")


BAD = {
    "unknown": [(100, 1)], "partly-unknown": [(0, 1), (100, 1)], "beyond-its-end": [(0, 9)],
    "half-a-block": [(0, 0.5)], "from-half-a-block": [(0.5, 1)], "length-0": [(0, 0)],
    "twice": [(0, 1), (0, 1)], "overlapping": [(0, 2), (1, 2)], "behind-the-region": [(1024, 1)],
    "across-the-end": [(1023, 2)], "before-the-region": [(-1, 1)],
}


def malformed(o, key, opcode):
    for name, ranges in BAD.items():
        host(o, f"{key}/{name}", opcode, ranges)
    host(o, f"{key}/count-too-high", opcode, [(0, 1)], count=2)
    host(o, f"{key}/count-huge", opcode, [(0, 1)], count=0xffffffff)
    o.run(f"{key}/short", opcode, payload([(0, 1)])[:-1])
    o.run(f"{key}/header-only", opcode, payload([(0, 1)])[:8])
    o.run(f"{key}/half-a-header", opcode, bytes(4))


def taking(o):
    """Offers of one extent, and of several, answered in all ways."""
    o.host.enumerate()
    key = "take"
    o.ask(f"{key}/first", "cxl-add-dynamic-capacity", path=PATH, host_id=0, region=0,
          selection_policy="prescriptive", extents=extents([(0, 8)]))
    record, = read(o, LOG)[1]
    o.note(f"{key}/record/severity", record[0x11])
    o.note(f"{key}/record/left", record[LEFT].hex())
    o.note(f"{key}/record/extent", record[EXTENT].hex())
    clear(o, LOG, [record])
    o.run(f"{key}/list-while-offered", DC_EXTENTS, struct.pack("<II", 8, 0))
    malformed(o, f"{key}/bad", RESPOND)
    listed(o, f"{key}/bad")
    generations(o, f"{key}/parts", lambda: host(o, f"{key}/parts", RESPOND, [(6, 1), (1, 2)]))
    listed(o, f"{key}/parts")
    offer(o, f"{key}/taken-already", [(2, 1)])
    offer(o, f"{key}/returned", [(0, 1), (3, 3), (16, 4), (24, 4)])
    offer(o, f"{key}/second", [(40, 2)])
    offer(o, f"{key}/still-pending", [(5, 1)])
    host(o, f"{key}/of-the-second", RESPOND, [(40, 2)])
    host(o, f"{key}/of-both", RESPOND, [(0, 1), (40, 2)])
    host(o, f"{key}/parts-of-several", RESPOND, [(26, 1), (0, 1), (17, 2)])
    listed(o, f"{key}/parts-of-several")
    host(o, f"{key}/nothing-of-it", RESPOND, [])
    listed(o, f"{key}/nothing-of-it")
    offer(o, f"{key}/again", [(40, 2)])
    host(o, f"{key}/again", RESPOND, [(40, 2)])
    listed(o, f"{key}/again")
    # Last, for here they part.
    offer(o, f"{key}/two", [(64, 2), (66, 2)])
    host(o, f"{key}/one-range-over-two", RESPOND, [(65, 2)])
    host(o, f"{key}/with-more-to-come", RESPOND, [(65, 1)], flags=1)
    host(o, f"{key}/the-rest", RESPOND, [(66, 1)])
    listed(o, f"{key}/the-rest")


def giving(o):
    """Extents given back in parts, over several, and wrongly; and asked back."""
    o.host.enumerate()
    key, first = "give", [(0, 8), (16, 2), (18, 2), (24, 1)]
    offer(o, key, first)
    host(o, f"{key}/accepted", RESPOND, first)
    malformed(o, f"{key}/bad", RELEASE)
    listed(o, f"{key}/bad")
    generations(o, f"{key}/the-last", lambda: host(o, f"{key}/the-last", RELEASE, [(24, 1)]))
    host(o, f"{key}/the-end-of-one", RELEASE, [(7, 1)])
    listed(o, f"{key}/the-end-of-one")
    host(o, f"{key}/from-one-into-the-next", RELEASE, [(17, 2)])
    listed(o, f"{key}/from-one-into-the-next")
    ask_back(o, f"{key}/part", [(4, 1)])
    ask_back(o, f"{key}/unknown", [(7, 1)])
    ask_back(o, f"{key}/partly-unknown", [(6, 2)])
    ask_back(o, f"{key}/nothing", [(4, 0)])
    offer(o, f"{key}/pending", [(64, 2)])
    ask_back(o, f"{key}/not-yet-accepted", [(64, 2)])
    host(o, f"{key}/not-yet-accepted", RELEASE, [(64, 2)])
    host(o, f"{key}/a-piece-out-of-the-middle", RELEASE, [(3, 1)])
    listed(o, f"{key}/a-piece-out-of-the-middle")
    host(o, f"{key}/all", RELEASE, [(0, 3), (4, 3), (16, 1), (19, 1)])
    listed(o, f"{key}/all")
    host(o, f"{key}/all-again", RELEASE, [(0, 3)])


def tagged(o):
    """A tag on such capacity."""
    o.host.enumerate()
    key = "tag"
    offer(o, f"{key}/two", [(8, 2), (0, 4)], tag=TAG)
    host(o, f"{key}/whole", RESPOND, [(8, 2), (0, 4)])
    listed(o, f"{key}/whole")
    ask_back(o, f"{key}/one-of-it", [(8, 2)])
    offer(o, f"{key}/other", [(20, 2)], tag=TAG[:-1] + "2")
    host(o, f"{key}/part", RESPOND, [(20, 1)])
    offer(o, f"{key}/malformed", [(64, 1)], tag="nonsense")


def window(o):
    """Bytes through the window: of what is accepted, and of what is not."""
    o.host.window = WINDOW
    o.host.enumerate()
    o.host.map_dpa(BASE + (1 << 30))
    offer(o, "window/offer", [(0, 4)])
    o.q.writeq(WINDOW + BASE, 1)
    o.note("window/offered", hex(o.q.readq(WINDOW + BASE)))
    host(o, "window/accept", RESPOND, [(0, 2)])
    for name, at in {"first": 0, "last": 2 * BLOCK - 8, "returned": 2 * BLOCK}.items():
        o.q.writeq(WINDOW + BASE + at, 0x1122334455667788)
        o.note(f"window/{name}", hex(o.q.readq(WINDOW + BASE + at)))
    host(o, "window/cut", RELEASE, [(1, 1)])
    for name, at in {"kept": 0, "given-back": 2 * BLOCK - 8}.items():
        o.note(f"window/{name}", hex(o.q.readq(WINDOW + BASE + at)))
    offer(o, "window/offer-again", [(1, 1)])
    host(o, "window/accept-again", RESPOND, [(1, 1)])
    o.note("window/the-same-bytes", hex(o.q.readq(WINDOW + BASE + 2 * BLOCK - 8)))
