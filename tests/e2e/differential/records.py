# SPDX-License-Identifier: Apache-2.0
"""Event records that a management client writes, read back by the host."""

import struct

from cxbpy.cxlhost import CLEAR_EVENTS, GET_EVENTS, MailboxError
from cxbpy.qmp import QmpError

PATH = "/machine/peripheral/cxl-vmem0"
LOGS = ["informational", "warning", "failure", "fatal"]
# Of records: where the timestamp is; of what comes before them: the two of an overflow.
TIMESTAMP, OVERFLOW_TIMES, HEADER, RECORD = slice(0x18, 0x20), slice(4, 0x14), 0x20, 0x80

COMMON = {"path": PATH, "log": "failure", "flags": 2, "type": 1, "sub_type": 2}
MEDIA = COMMON | {"dpa": 0x10000040, "descriptor": 1, "transaction_type": 3}
MODULE = COMMON | {"health_status": 1, "media_status": 2, "additional_status": 3, "life_used": 4,
                   "temperature": -5, "dirty_shutdown_count": 6,
                   "corrected_volatile_error_count": 7, "corrected_persistent_error_count": 8}
# A shorter id is followed by whatever lay behind it in QEMU's memory: nothing to be compared.
COMPONENT = "0123456789abcdef"
HEADER_MORE = {"maint_op_class": 0x11, "maint_op_subclass": 0x22, "ld_id": 0x3344, "head_id": 0x55}
MEDIA_MORE = HEADER_MORE | {"channel": 0x66, "rank": 0x77, "component_id": COMPONENT,
                            "cme_ev_flags": 3}
# By kind: command, what it must have, what it may have.
KINDS = {
    "media": ("cxl-inject-general-media-event", MEDIA,
              MEDIA_MORE | {"device": 0x123456, "cme_count": 0x654321}),
    "dram": ("cxl-inject-dram-event", MEDIA,
             MEDIA_MORE | {"nibble_mask": 0x123456, "bank_group": 8, "bank": 9, "row": 0xabcdef,
                           "column": 0x1234, "sub_channel": 10, "cvme_count": 0x654321,
                           "correction_mask": [1, 2 ** 63, 3, 0x0123456789abcdef]}),
    "module": ("cxl-inject-memory-module-event", MODULE, HEADER_MORE | {"component_id": COMPONENT}),
}
# Values that some field or other has no room for.
WRONG = {"negative": -1, "9-bits": 1 << 8, "17-bits": 1 << 16, "25-bits": 1 << 24,
         "33-bits": 1 << 32, "text": "x"}


def read(o, log):
    """Header and records of a log, times left out."""
    out = bytearray(o.host.command(GET_EVENTS, bytes([log])))
    out[OVERFLOW_TIMES] = bytes(0x10)
    records = [out[at:at + RECORD] for at in range(HEADER, len(out), RECORD)]
    for record in records:
        record[TIMESTAMP] = bytes(8)
    return out[:HEADER], records


def clear(o, log, records):
    handles = b"".join(r[0x14:0x16] for r in records)
    o.host.command(CLEAR_EVENTS, struct.pack("<BBB3x", log, 0, len(records)) + handles)


def write(o, key, kind, whole=True, **changed):
    """A request, and what it wrote: the records of all logs, or, if not @whole, that there are any."""
    command, must, _ = KINDS[kind]
    arguments = {k: v for k, v in (must | changed).items() if v is not None}
    try:
        o.qmp.cmd(command, **arguments)
    except QmpError as error:
        o.note(key, f"{error.error_class}: {error.desc}")
    found = []
    for number, name in enumerate(LOGS):
        _, records = read(o, number)
        if records:
            clear(o, number, records)
            for record in records:
                record[0x14:0x16] = bytes(2)
                found.append(f"{name} {record.hex()}" if whole else "written")
    if key not in o.seen or found:
        o.note(key, ", ".join(found) or "nothing")


def events(o):
    """Each argument alone, and all, and values that do not fit."""
    o.host.enumerate()
    for kind, (_, must, may) in KINDS.items():
        for log in LOGS:
            write(o, f"events/{kind}/{log}", kind, log=log)
        for bit in range(24):
            write(o, f"events/{kind}/flag-{bit}", kind, flags=1 << bit)
        write(o, f"events/{kind}/maintenance", kind, log="informational", flags=8)
        write(o, f"events/{kind}/all", kind, **may)
        write(o, f"events/{kind}/pldm", kind, component_id=COMPONENT, is_comp_id_pldm=True)
        write(o, f"events/{kind}/not-pldm", kind, component_id=COMPONENT, is_comp_id_pldm=False)
        write(o, f"events/{kind}/pldm-alone", kind, is_comp_id_pldm=True)
        write(o, f"events/{kind}/long-id", kind, False, component_id=COMPONENT + "g")
        for name in must:
            write(o, f"events/{kind}/no-{name}", kind, **{name: None})
        for name, value in (must | may).items():
            if name in may:
                write(o, f"events/{kind}/{name}", kind, **{name: value})
                write(o, f"events/{kind}/{name}-0", kind,
                      **{name: value if isinstance(value, str) else
                         [] if isinstance(value, list) else 0})
            if isinstance(value, int):
                for what, wrong in WRONG.items():
                    write(o, f"events/{kind}/{name}-{what}", kind, False, **{name: wrong})
        write(o, f"events/{kind}/nowhere", kind, path="/nosuch", flags=8, log="informational")
        write(o, f"events/{kind}/elsewhere", kind, path="/machine/peripheral/root_port13")
        write(o, f"events/{kind}/no-log-4", kind, log="dynamic-capacity")
    write(o, "events/dram/masks-5", "dram", False, correction_mask=[1, 2, 3, 4, 5])
    write(o, "events/dram/masks-text", "dram", correction_mask=["x"])


def overflow(o):
    """Logs that get more than they hold, and what clearing does to that."""
    o.host.enumerate()
    for number, log in enumerate(LOGS):
        for i in range(11):
            o.qmp.cmd(KINDS["module"][0], **(MODULE | {"log": log, "type": i}))
        o.note(f"overflow/{log}/status", f"{o.q.readl(o.host.status_reg):08x}h")
        o.note(f"overflow/{log}/more", read(o, number)[0][0] & 2)
        note_log(o, f"overflow/{log}", number)
    number = LOGS.index("failure")
    _, records = read(o, number)
    for name, chosen in (("not-the-oldest", records[1:2]), ("not-in-order", records[1::-1]),
                         ("twice", records[:1] * 2), ("two", records[:2]), ("gone", records[:1]),
                         ("rest", records[2:])):
        key = f"overflow/clear-{name}"
        try:
            clear(o, number, chosen)
            o.note(key, "done")
        except MailboxError as error:
            o.note(key, f"{error.code:04x}h")
        note_log(o, f"{key}/left", number)
    o.note("overflow/status", f"{o.q.readl(o.host.status_reg):08x}h")


def note_log(o, key, number):
    """All of a log but the flag that says more is to come, which is not of what is in it."""
    header, records = read(o, number)
    header[0] &= ~2
    o.note(f"{key}/header", header.hex())
    for i, record in enumerate(records):
        o.note(f"{key}/record-{i}", record.hex())
