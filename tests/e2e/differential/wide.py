# SPDX-License-Identifier: Apache-2.0
"""A machine with two bridges, six ports and four devices: every function and register block, the
table of windows, and what query-pci says when the buses have numbers and the BARs addresses. Of
functions and blocks it is told what differs from the first of their kind, which is what
configspace.py and registers.py look at."""

import acpi
import configspace
from registers import CACHEMEM, CACHEMEM_SIZE, dwords

BRIDGES = {"cxl.1": 12, "cxl.2": 222}
CHBS_SIZE = 0x10000
BAR_BASE, MIB = 0xc0000000, 1 << 20


def functions(o):
    """Name, kind, bus and slot of all below the bridges; buses get numbers, BARs addresses."""
    host, found, host.next_bar = o.host, [], BAR_BASE
    for bridge, root in BRIDGES.items():
        bus = root
        for slot in range(32):
            if host.cfg_read32(root, slot, 0) & 0xffff in (0, 0xffff):
                continue
            bus += 1
            name = f"{bridge}.{slot}"
            host.cfg_write32(root, slot, 0x18, root | bus << 8 | bus << 16)
            found.append((name, "port", root, slot))
            if host.cfg_read32(bus, 0, 0) & 0xffff not in (0, 0xffff):
                found.append((f"{name}.0", "type3", bus, 0))
    return found


def relative(o, key, first, values):
    other = [f"{off:03x}={value:08x}" for off, value in values.items() if first[off] != value]
    o.note(key, " ".join(other) or "as the first")


def spaces(o, all_of_them):
    first = {}
    for name, kind, bus, slot in all_of_them:
        space = configspace.read_space(o, bus, slot)
        configspace.chains(o, name, space, "wide/chain")
        relative(o, f"wide/config/{name}", first.setdefault(kind, space), space)


def place(o, all_of_them):
    """BARs and windows of bridges; {name: address of the component registers}."""
    host, blocks = o.host, {}
    for name, kind, bus, slot in all_of_them:
        if kind == "port":
            blocks[name] = host.place_bars(bus, slot, 2)[0]
    host.next_bar = host.next_bar + MIB - 1 & -MIB
    for name, kind, bus, slot in all_of_them:
        start = host.next_bar
        if kind == "type3":
            blocks[name] = host.place_bars(bus, 0, 6)[0]
            host.next_bar = host.next_bar + MIB - 1 & -MIB
            _, _, root, at = next(f for f in all_of_them if f[0] == name.rpartition(".")[0])
            host.cfg_write32(root, at, 0x20, start >> 16 & 0xfff0 | host.next_bar - 1 & 0xfff00000)
            host.cfg_write32(root, at, 0x24, 0xfff0)
    for _, _, bus, slot in all_of_them:
        host.cfg_write32(bus, slot, 4, 6)
    return blocks


def registers(o, all_of_them, blocks):
    kinds = {f"bridge-{name}": ("bridge", o.host.chbs + n * CHBS_SIZE)
             for n, name in enumerate(BRIDGES)}
    kinds |= {name: (kind, blocks[name]) for name, kind, _, _ in all_of_them}
    first = {}
    for name, (kind, base) in kinds.items():
        values = dwords(o, base + CACHEMEM, CACHEMEM_SIZE)
        relative(o, f"wide/component/{name}", first.setdefault(kind, values), values)


def query_pci(o):
    """Without what only QEMU's board has (00:1f) and what is not a CXL machine's: one line each."""
    def lines(buses, depth):
        for bus in buses:
            for d in bus["devices"]:
                if (d["bus"], d["slot"]) == (0, 0x1f):
                    continue
                bdf = f"{d['bus']:02x}:{d['slot']:02x}.{d['function']}"
                regions = " ".join(f"{r['bar']}:{r['type']}:{r['size']:x}@{r['address']:x}"
                                   for r in d["regions"])
                yield bdf, (f"{depth} {d['qdev_id']} {d['id']['vendor']:04x}:{d['id']['device']:04x} "
                            f"{d['class_info']['class']:04x} {d['class_info'].get('desc')} {regions}")
                if "pci_bridge" in d:
                    b = d["pci_bridge"]["bus"]
                    yield bdf + "/bridge", (
                        f"{b['number']}-{b['secondary']}-{b['subordinate']} "
                        f"{b['memory_range']['base']:x}-{b['memory_range']['limit']:x}")
                    yield from lines([d["pci_bridge"]] if "devices" in d["pci_bridge"] else [],
                                     depth + 1)

    for name, text in lines(o.qmp.cmd("query-pci"), 0):
        o.note(f"wide/query-pci/{name}", text)


def wide(o):
    o.host.open_config()
    acpi.acpi(o, "wide")
    all_of_them = functions(o)
    o.note("wide/functions", " ".join(name for name, *_ in all_of_them))
    spaces(o, all_of_them)
    registers(o, all_of_them, place(o, all_of_them))
    query_pci(o)
