# SPDX-License-Identifier: Apache-2.0
"""Properties: which there are, of what type and with which default; and what those of ports and
memory devices do to configuration space, component registers and hot plug."""

import acpi
import configspace
from machines import SET_PORTS
from observe import PORT_BUS
from registers import CACHEMEM, CACHEMEM_SIZE, dwords

DEVICES = ["pxb-cxl", "cxl-rp", "cxl-type3"]
OTHERS = {"machine": "pc-q35-11.1-machine", "ram": "memory-backend-ram",
          "memfd": "memory-backend-memfd", "file": "memory-backend-file"}
BAR_BASE, MIB = 0xc0000000, 1 << 20


def listed(o, name, rows):
    for row in rows:
        default = f" default {row['default-value']}" if "default-value" in row else ""
        o.note(f"property/{name}/{row['name']}", row["type"] + default)


def types(o):
    for name in DEVICES:
        listed(o, name, o.qmp.cmd("device-list-properties", typename=name))
    for name, kind in OTHERS.items():
        for row in o.qmp.cmd("qom-list-properties", typename=kind):
            # Parts that QEMU's board is made of, not settings.
            if not row["type"].startswith("child<"):
                o.note(f"property/{name}/{row['name']}", row["type"])


def below_4g(o):
    o.host.open_config()
    acpi.acpi(o, "below-4g")


def relative(o, key, first, values):
    other = [f"{off:03x}={value:08x}" for off, value in values.items() if first[off] != value]
    o.note(key, " ".join(other) or "as the first")


def component(o, slot, bus):
    """The component registers of the device on @bus, for which the port in @slot opens a window."""
    o.host.next_bar = BAR_BASE + slot * MIB
    o.host.cfg_write32(PORT_BUS, slot, 0x20, o.host.next_bar >> 16 | o.host.next_bar)
    base = o.host.place_bars(bus, 0, 1)[0]
    for place in ((PORT_BUS, slot), (bus, 0)):
        o.host.cfg_write32(*place, 4, 6)
    return dwords(o, base + CACHEMEM, CACHEMEM_SIZE)


def effects(o):
    """Of each port and device: what differs from the first, of which nothing is set; then whether
    devices may come and go."""
    o.host.open_config()
    first = {}
    for slot, (name, port) in enumerate(SET_PORTS.items()):
        bus = PORT_BUS + 1 + slot
        o.host.cfg_write32(PORT_BUS, slot, 0x18, PORT_BUS | bus << 8 | bus << 16)
        looks = {f"set/{name}": ("port", configspace.read_space(o, PORT_BUS, slot))}
        if port.device is not None:
            space = configspace.read_space(o, bus, 0)
            looks[f"set/{name}/device"] = ("device", space)
            looks[f"set/{name}/component"] = ("component", component(o, slot, bus))
        for key, (kind, values) in looks.items():
            relative(o, key, first.setdefault(kind, values), values)
    for name, port in SET_PORTS.items():
        if port.device is None:
            o.ask(f"set/{name}/add", "device_add", driver="cxl-type3", bus=name, id=f"{name}-new",
                  volatile_memdev=f"{name}-mem")
        o.ask(f"set/{name}/delete", "device_del",
              id=f"{name}-new" if port.device is None else f"{name}.0")
