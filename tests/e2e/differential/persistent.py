# SPDX-License-Identifier: Apache-2.0
"""Devices with persistent memory and label storage: what they say of themselves, and their labels."""

import struct

import configspace

IDENTIFY, GET_PARTITION, GET_LSA, SET_LSA = 0x4000, 0x4100, 0x4102, 0x4103
GET_ALERTS, SET_ALERTS = 0x4201, 0x4202
LSA_SIZE = 64 << 10


def get(offset, length):
    return struct.pack("<II", offset, length)


def put(offset, data):
    return struct.pack("<II", offset, 0) + data


# In this order: what is read later was written before.
COMMANDS = [
    ("partition", GET_PARTITION, b""), ("partition-long", GET_PARTITION, b"\0"),
    ("lsa-at-first", GET_LSA, get(0, 64)),
    ("set-lsa", SET_LSA, put(0, b"label 0")),
    ("lsa-as-set", GET_LSA, get(0, 9)),
    ("set-lsa-inside", SET_LSA, put(0x1001, bytes(range(200)))),
    ("lsa-inside", GET_LSA, get(0x1000, 202)),
    ("set-lsa-at-the-end", SET_LSA, put(LSA_SIZE - 4, b"last")),
    ("lsa-at-the-end", GET_LSA, get(LSA_SIZE - 8, 8)),
    ("lsa-past-the-end", GET_LSA, get(LSA_SIZE - 4, 5)),
    ("lsa-far-past-the-end", GET_LSA, get(0xfffffffc, 8)),
    ("set-lsa-past-the-end", SET_LSA, put(LSA_SIZE - 4, b"more.")),
    ("set-lsa-far-past-the-end", SET_LSA, put(0xfffffff8, bytes(16))),
    ("lsa-at-the-end-again", GET_LSA, get(LSA_SIZE - 8, 8)),
    ("lsa-short", GET_LSA, bytes(7)), ("lsa-long", GET_LSA, bytes(9)),
    ("set-lsa-short", SET_LSA, bytes(7)),
]
ALERTS = [
    ("alerts", GET_ALERTS, b""), ("alerts-long", GET_ALERTS, b"\0"),
    ("set-alerts", SET_ALERTS, struct.pack("<BBBxhhHH", 1, 1, 50, 0, 0, 0, 0)),
    ("set-alerts-short", SET_ALERTS, bytes(11)), ("alerts-again", GET_ALERTS, b""),
]
# What ends one of the programs.
FATAL = [("get-no-label-bytes", GET_LSA, get(0, 0)), ("set-no-label-bytes", SET_LSA, put(0, b""))]


def look(o, prefix, commands):
    o.host.enumerate()
    space = configspace.read_space(o, o.host.ep, 0)
    configspace.chains(o, "chain", space, prefix)
    off = o.host.dvsec(o.host.ep, 0, 0)
    for at in range(off, off + 0x3c, 4):
        o.note(f"{prefix}/dvsec0/{at - off:02x}", f"{space[at]:08x}h")
    # The rest of Identify is looked at by mailbox.py.
    identify = o.host.command(IDENTIFY)
    o.note(f"{prefix}/identify/capacity", identify[0x10:0x30].hex())
    o.note(f"{prefix}/identify/label-storage", identify[0x38:0x3c].hex())
    for name, opcode, payload in commands:
        o.run(f"{prefix}/{opcode:04x}-{name}", opcode, payload)
    o.qmp.cmd("system_reset")
    o.host.enumerate()
    for name, opcode, payload in commands:
        if opcode == GET_LSA or name == "alerts-again":
            o.run(f"{prefix}/after-a-reset/{opcode:04x}-{name}", opcode, payload)


def persistent(o):
    look(o, "persistent", COMMANDS + ALERTS)


def both(o):
    look(o, "both", COMMANDS)
