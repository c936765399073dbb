# SPDX-License-Identifier: Apache-2.0
"""Commands that go on in the background, and those of firmware, features and sanitize: each with
good and bad payloads, the clock moved in between."""

import struct
import uuid

FW_INFO, TRANSFER_FW, ACTIVATE_FW, ABORT = 0x0200, 0x0201, 0x0202, 0x0005
GET_FEATURES, GET_FEATURE, SET_FEATURE = 0x0500, 0x0501, 0x0502
SANITIZE, MEDIA_OPERATIONS, SECURITY_STATE, GET_LSA = 0x4400, 0x4402, 0x4500, 0x4102
SCRUB = uuid.UUID("96dad7d6-fde8-482b-a733-75774e06db8a").bytes
ECS = uuid.UUID("e5b13f22-2328-4a14-b8ba-b9691e893386").bytes
NO_FEATURE = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff").bytes
FULL, INITIATE, CONTINUE, END, STOP = range(5)


def status(o, key):
    """Opcode, percentage and return code of the last operation, whether one runs, media status."""
    bg, m = o.q.readq(o.host.mbox + 0x18), o.host.mbox
    running = o.q.readq(m + 0x10) & 1
    media = o.q.readq(m + 0x820) >> 2 & 3
    o.note(key, f"{bg & 0xffff:04x}h {bg >> 16 & 0x7f} % {bg >> 32 & 0xffff:04x}h"
                f"{' running' if running else ''} media {media}")


def step(o, ms):
    o.q.cmd(f"clock_step {ms * 10 ** 6}")


def take(o, prefix, steps):
    """Each step is a name and an opcode with its payload, milliseconds to pass, or None to look."""
    o.host.enumerate()
    for name, what, *payload in steps:
        key = f"{prefix}/{name}"
        if what is None:
            status(o, key)
        elif not payload:
            step(o, what)
            status(o, key)
        else:
            o.run(key, what, payload[0])


def transfer(action, slot, offset, length):
    return struct.pack("<BBHI", action, slot, 0, offset) + bytes(0x78) + b"\x5a" * length


# The revisions are looked at elsewhere: they are each program's own.
def slots(o, key):
    info = o.host.command(FW_INFO)
    filled = sum(any(info[at:at + 16]) for at in range(0x10, 0x50, 16))
    o.note(key, f"{info[:16].hex()} {filled} filled")


def firmware(o):
    o.host.enumerate()
    o.run("firmware/info-long", FW_INFO, b"\0")
    slots(o, "firmware/info")
    take(o, "firmware", [
        ("transfer-short", TRANSFER_FW, bytes(0x7f)),
        ("no-slot", TRANSFER_FW, transfer(FULL, 0, 0, 128)),
        ("active-slot", TRANSFER_FW, transfer(FULL, 1, 0, 128)),
        ("slot-3", TRANSFER_FW, transfer(FULL, 3, 0, 128)),
        ("activate-empty", ACTIVATE_FW, bytes([0, 2])),
        ("activate-short", ACTIVATE_FW, b"\0"),
        ("continue-nothing", TRANSFER_FW, transfer(CONTINUE, 0, 1, 128)),
        ("end-nothing", TRANSFER_FW, transfer(END, 2, 1, 128)),
        ("abort-nothing", TRANSFER_FW, transfer(STOP, 0, 0, 0)),
        ("no-such-action", TRANSFER_FW, transfer(5, 0, 0, 128)),
        ("initiate-at-1", TRANSFER_FW, transfer(INITIATE, 0, 1, 128)),
        ("too-long", TRANSFER_FW, transfer(INITIATE, 0, 262144, 128)),
        ("full", TRANSFER_FW, transfer(FULL, 2, 0, 128)),
        ("full-status", None),
        ("full-meanwhile", TRANSFER_FW, transfer(FULL, 2, 0, 128)),
        ("activate-meanwhile", ACTIVATE_FW, bytes([0, 2])),
        ("full-done", 11000),
        ("stage", ACTIVATE_FW, bytes([1, 2])),
        ("activate-no-such-action", ACTIVATE_FW, bytes([2, 2])),
        ("initiate", TRANSFER_FW, transfer(INITIATE, 0, 0, 128)),
        ("initiate-done", 3000),
        ("full-when-open", TRANSFER_FW, transfer(FULL, 2, 0, 128)),
        ("continue", TRANSFER_FW, transfer(CONTINUE, 0, 1, 128)), ("continue-done", 3000),
        ("again", TRANSFER_FW, transfer(CONTINUE, 0, 1, 128)), ("again-done", 3000),
        ("again-longer", TRANSFER_FW, transfer(CONTINUE, 0, 1, 256)),
        ("before", TRANSFER_FW, transfer(CONTINUE, 0, 0, 128)),
        ("end-active-slot", TRANSFER_FW, transfer(END, 1, 2, 10)),
        ("end", TRANSFER_FW, transfer(END, 2, 2, 10)), ("end-done", 3000),
        ("restart", TRANSFER_FW, transfer(INITIATE, 0, 0, 128)), ("restart-done", 3000),
        ("abort", TRANSFER_FW, transfer(STOP, 0, 0, 0)),
        ("after-abort", TRANSFER_FW, transfer(CONTINUE, 0, 1, 128)),
        ("late", TRANSFER_FW, transfer(INITIATE, 0, 0, 128)), ("late-done", 3000),
        ("late-wait", 31000),
        ("too-late", TRANSFER_FW, transfer(CONTINUE, 0, 1, 128))])
    step(o, 3000)
    slots(o, "firmware/staged")
    o.run("firmware/activate", ACTIVATE_FW, bytes([0, 2]))
    slots(o, "firmware/activated")
    o.run("firmware/activate-active", ACTIVATE_FW, bytes([0, 2]))
    o.qmp.cmd("system_reset")
    o.host.enumerate()
    slots(o, "firmware/after-a-reset")


def get(feature, offset=0, count=0x40, selection=0):
    return feature + struct.pack("<HHB", offset, count, selection)


def put(feature, data, action=FULL, offset=0, version=1):
    return feature + struct.pack("<IHB9x", action, offset, version) + data


def features(o):
    take(o, "features", [
        ("first-two", GET_FEATURES, struct.pack("<IHH", 0x68, 0, 0)),
        ("first", GET_FEATURES, struct.pack("<IHH", 0x67, 0, 0)),
        ("second", GET_FEATURES, struct.pack("<IHH", 0x38, 1, 0)),
        ("list-too-small", GET_FEATURES, struct.pack("<IHH", 7, 0, 0)),
        ("list-past-the-end", GET_FEATURES, struct.pack("<IHH", 0x800, 99, 0)),
        ("list-short", GET_FEATURES, bytes(7)), ("list-long", GET_FEATURES, bytes(9)),
        ("scrub", GET_FEATURE, get(SCRUB)), ("ecs", GET_FEATURE, get(ECS)),
        ("get-some", GET_FEATURE, get(SCRUB, 1, 2)), ("get-to-the-end", GET_FEATURE, get(SCRUB, 3)),
        ("get-past-the-end", GET_FEATURE, get(SCRUB, 4, 0)),
        ("get-too-much", GET_FEATURE, get(SCRUB, 1, 2048)),
        ("get-default", GET_FEATURE, get(SCRUB, selection=1)),
        ("get-saved", GET_FEATURE, get(SCRUB, selection=2)),
        ("get-none", GET_FEATURE, get(NO_FEATURE)), ("get-short", GET_FEATURE, bytes(20)),
        ("set", SET_FEATURE, put(SCRUB, bytes([24, 1]))), ("as-set", GET_FEATURE, get(SCRUB)),
        ("set-one-byte", SET_FEATURE, put(SCRUB, bytes([30]))),
        ("as-set-one-byte", GET_FEATURE, get(SCRUB, 0, 2)),
        ("set-hours-0", SET_FEATURE, put(SCRUB, bytes([0, 1]))),
        ("set-no-data", SET_FEATURE, put(SCRUB, b"")),
        ("set-too-much", SET_FEATURE, put(SCRUB, bytes(3))),
        ("set-past-the-end", SET_FEATURE, put(SCRUB, bytes(2), offset=1)),
        ("set-version-2", SET_FEATURE, put(SCRUB, bytes([24, 1]), version=2)),
        ("set-action-5", SET_FEATURE, put(SCRUB, bytes([24, 1]), action=5)),
        ("set-none", SET_FEATURE, put(NO_FEATURE, bytes([24, 1]))),
        ("set-short", SET_FEATURE, bytes(31)),
        ("continue-nothing", SET_FEATURE, put(SCRUB, bytes([13]), action=CONTINUE)),
        ("abort-nothing", SET_FEATURE, put(SCRUB, b"1", action=STOP)),
        ("initiate", SET_FEATURE, put(SCRUB, bytes([31]), action=INITIATE)),
        ("get-meanwhile", GET_FEATURE, get(SCRUB)),
        ("set-another-meanwhile", SET_FEATURE, put(ECS, b"\1")),
        ("finish", SET_FEATURE, put(SCRUB, bytes([0]), action=END, offset=1)),
        ("as-finished", GET_FEATURE, get(SCRUB)),
        ("initiate-again", SET_FEATURE, put(SCRUB, bytes([40]), action=INITIATE)),
        ("abort", SET_FEATURE, put(SCRUB, b"1", action=STOP)),
        ("as-before", GET_FEATURE, get(SCRUB)),
        ("set-ecs", SET_FEATURE, put(ECS, struct.pack("<B3H", 0, 3, 4, 13))),
        ("ecs-bad-threshold", SET_FEATURE, put(ECS, struct.pack("<H", 2), offset=1)),
    ])
    o.qmp.cmd("system_reset")
    o.host.enumerate()
    o.run("features/after-a-reset", GET_FEATURE, get(SCRUB))


def media(op_class, subclass, *ranges, count=None):
    head = struct.pack("<BBHI", op_class, subclass, 0, len(ranges) if count is None else count)
    return head + b"".join(struct.pack("<QQ", *r) for r in ranges)


def discover(start, count, ranges=0):
    return struct.pack("<BBHIHH", 0, 0, 0, ranges, start, count)


def sanitize(o):
    """Of a device with 256 MiB: an operation takes 4 s."""
    label = struct.pack("<II", 0, 8)
    take(o, "sanitize", [
        ("security", SECURITY_STATE, b""), ("security-long", SECURITY_STATE, b"\0"),
        ("abort-at-first", ABORT, b""), ("abort-long", ABORT, b"\0"),
        ("discover", MEDIA_OPERATIONS, discover(0, 9)),
        ("discover-second", MEDIA_OPERATIONS, discover(1, 1)),
        ("discover-past-the-end", MEDIA_OPERATIONS, discover(2, 1)),
        ("discover-ranges", MEDIA_OPERATIONS, discover(0, 2, 1)),
        ("discover-short", MEDIA_OPERATIONS, bytes(11)), ("short", MEDIA_OPERATIONS, bytes(7)),
        ("class-2", MEDIA_OPERATIONS, media(2, 0)), ("subclass-2", MEDIA_OPERATIONS, media(1, 2)),
        ("no-ranges", MEDIA_OPERATIONS, media(1, 0)),
        ("empty-range", MEDIA_OPERATIONS, media(1, 0, (0, 0))),
        ("unaligned-start", MEDIA_OPERATIONS, media(1, 0, (1, 64))),
        ("unaligned-length", MEDIA_OPERATIONS, media(1, 0, (0, 65))),
        ("past-the-end", MEDIA_OPERATIONS, media(1, 0, (0, 1 << 40))),
        ("around-the-end", MEDIA_OPERATIONS, media(1, 0, (2 ** 64 - 64, 64))),
        ("second-is-bad", MEDIA_OPERATIONS, media(1, 0, (0, 64), (0, 1))),
        ("fewer-than-counted", MEDIA_OPERATIONS, media(1, 1, (0, 64), count=2)),
        ("ranges", MEDIA_OPERATIONS, media(1, 1, (0, 64), (64, 128))),
        ("ranges-status", None), ("abort-ranges", ABORT, b""),
        ("sanitize-meanwhile", SANITIZE, b""),
        ("ranges-half", 2000), ("ranges-done", 3000),
        ("long", SANITIZE, b"\0"),
        ("sanitize", SANITIZE, b""), ("status", None), ("again", SANITIZE, b""),
        ("again-long", SANITIZE, b"\0"), ("labels-meanwhile", GET_LSA, label),
        ("security-meanwhile", SECURITY_STATE, b""),
        ("quarter", 1000), ("half", 1000), ("done", 3000), ("labels", GET_LSA, label),
        ("abort-when-done", ABORT, b""),
        ("second", SANITIZE, b""), ("second-quarter", 1000), ("abort", ABORT, b""),
        ("aborted", None), ("aborted-later", 10000), ("labels-after-abort", GET_LSA, label),
        ("third", SANITIZE, b""), ("third-quarter", 1000),
    ])
    o.qmp.cmd("system_reset")
    o.host.enumerate()
    status(o, "sanitize/after-a-reset")
    step(o, 10000)
    status(o, "sanitize/long-after-a-reset")
