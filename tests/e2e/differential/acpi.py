# SPDX-License-Identifier: Apache-2.0
"""The CXL Early Discovery Table."""

import struct

SEL_DIRECTORY = 0x19
CHBS = 0


def acpi(o, prefix="acpi"):
    """The structures of CEDT: in RAM, where an OS finds it, else in the file for firmware."""
    o.host.open_config()
    area = o.q.read(0xe0000, 0x20000)
    at = next((i for i in range(0, len(area), 16) if area[i:i + 8] == b"RSD PTR "), None)
    table = firmware_cedt(o) if at is None else \
        cedt_in_ram(o, struct.unpack_from("<Q", area, at + 24)[0])
    o.note(f"{prefix}/cedt/length", len(table))
    o.note(f"{prefix}/cedt/revision", table[8])
    o.note(f"{prefix}/cedt/ids", table[10:36].hex())
    off, structures = 36, []
    while off < len(table):
        size = struct.unpack_from("<H", table, off + 2)[0]
        structures.append(table[off:off + size])
        off += size
    # The order of host bridges means nothing; that of windows does.
    structures.sort(key=lambda s: (s[0], s if s[0] == CHBS else b""))
    for n, structure in enumerate(structures):
        o.note(f"{prefix}/cedt/structure-{n}", structure.hex())


def cedt_in_ram(o, xsdt):
    q = o.q
    length = q.readl(xsdt + 4)
    for (addr,) in struct.iter_unpack("<Q", q.read(xsdt + 36, length - 36)):
        if q.read(addr, 4) == b"CEDT":
            return q.read(addr, q.readl(addr + 4))
    raise LookupError("no CEDT")


def firmware_cedt(o):
    """fw_cfg by its ports: the file etc/acpi/tables."""
    def select(key):
        o.q.cmd(f"outw 0x510 {key:#x}")

    def take(n):
        return bytes(int(o.q.cmd("inb 0x511"), 0) for _ in range(n))

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
