# SPDX-License-Identifier: Apache-2.0
"""Requests of QMP, good and bad: the protocol itself, commands with wrong arguments, whole answers,
and events in their order."""

import json
import re

from cxbpy.qmp import Qmp

# Where a second session is served.
SECOND = "second.sock"
# First words of the keys.
PREFIXES = ["protocol", "bad", "good", "event-order"]
ARGS = ["-qmp", f"unix:{SECOND},server=on,wait=off"]
TYPE3 = "/machine/peripheral/cxl-vmem0"
RAM = "memory-backend-ram"
# Name, what is sent: before negotiation, and behind it.
BEFORE = [
    ("query", '{"execute": "query-status", "id": 1}'),
    ("unknown", '{"execute": "nosuch"}'),
    ("quit", '{"execute": "quit"}'),
    ("oob", '{"exec-oob": "qmp_capabilities"}'),
    ("unknown-capability", '{"execute": "qmp_capabilities", "arguments": {"enable": ["nosuch"]}}'),
    ("capability-number", '{"execute": "qmp_capabilities", "arguments": {"enable": [1]}}'),
    ("capability-no-list", '{"execute": "qmp_capabilities", "arguments": {"enable": "oob"}}'),
    ("unknown-argument", '{"execute": "qmp_capabilities", "arguments": {"foo": 1}}'),
    ("arguments-no-object", '{"execute": "qmp_capabilities", "arguments": []}'),
    ("negotiation", '{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": "x"}'),
]
BEHIND = [
    ("negotiation", '{"execute": "qmp_capabilities"}'),
    ("id-number", '{"execute": "query-name", "id": 7}'),
    ("id-real", '{"execute": "query-name", "id": 1.5}'),
    ("id-null", '{"execute": "query-name", "id": null}'),
    ("id-object", '{"execute": "query-name", "id": {"a": [1, "x", true]}}'),
    ("id-of-an-error", '{"execute": "nosuch", "id": ["x"]}'),
    ("id-first", '{"id": "x", "execute": "query-name"}'),
    ("empty", "{}"), ("id-alone", '{"id": 1}'), ("arguments-alone", '{"arguments": {}}'),
    ("array", "[]"), ("text", '"query-name"'), ("number", "1"), ("null", "null"),
    ("execute-number", '{"execute": 1}'), ("execute-null", '{"execute": null}'),
    ("execute-object", '{"execute": {}, "id": 1}'), ("execute-empty", '{"execute": ""}'),
    ("execute-blank", '{"execute": "query-name "}'),
    ("execute-case", '{"execute": "Query-Name"}'),
    ("unknown-member", '{"execute": "query-name", "foo": 1, "id": 1}'),
    ("arguments-array", '{"execute": "query-name", "arguments": []}'),
    ("arguments-null", '{"execute": "query-name", "arguments": null}'),
    ("arguments-empty", '{"execute": "query-name", "arguments": {}}'),
    ("both", '{"execute": "query-name", "exec-oob": "query-name"}'),
    ("oob-not-allowed", '{"exec-oob": "query-name", "id": 1}'),
    ("oob-unknown", '{"exec-oob": "nosuch", "id": 1}'),
    ("single-quotes", "{'execute': 'query-name'}"),
    ("spread-out", '{"execute"\n:\t"query-name"\r\n}'),
    ("two-at-once", '{"execute": "query-name", "id": 1}{"execute": "query-name", "id": 2}'),
    ("duplicate-key", '{"execute": "query-name", "execute": "query-name"}'),
    ("trailing-comma", '{"execute": "query-name",}'),
    ("no-colon", '{"execute" "query-name"}'),
    ("no-comma", '{"execute": "query-name" "id": 1}'),
    ("bare-word", '{"execute": query-name}'),
    ("stray-bracket", "]"), ("stray-brace", "}"), ("mixed-brackets", '{"execute": "query-name"]'),
    ("escape", '{"execute": "query\\u002dname"}'),
    ("bad-escape", '{"execute": "query\\xname"}'),
    ("half-a-surrogate", '{"execute": "query-name", "id": "\\ud800"}'),
    ("zero-in-a-string", '{"execute": "query-name\\u0000"}'),
    ("zero-in-an-id", '{"execute": "query-name", "id": "a\\u0000b"}'),
    ("utf-8", '{"execute": "query-name", "id": "\u00e9\u20ac\U0001f600"}'),
    ("utf-8-in-a-command", '{"execute": "\u00e9"}'),
    ("number-with-a-zero", '{"execute": "query-name", "id": 01}'),
    ("number-large", '{"execute": "query-name", "id": 18446744073709551615}'),
    ("number-larger", '{"execute": "query-name", "id": 18446744073709551616}'),
    ("number-negative", '{"execute": "query-name", "id": -9223372036854775808}'),
    ("number-real", '{"execute": "query-name", "id": 1e3}'),
    ("not-a-number", '{"execute": "query-name", "id": NaN}'),
    ("deep", '{"execute": "query-name", "id": ' + "[" * 500 + "]" * 500 + "}"),
    ("too-deep", '{"execute": "query-name", "id": ' + "[" * 1025 + "]" * 1025 + "}"),
    ("percent", '{"execute": "%s"}'), ("comment", '/* x */ {"execute": "query-name"}'),
]


def wrong(command, key, values, **others):
    """@command with @others and one value of @key after the other; None: without it."""
    for label, value in values:
        arguments = others if value is None else others | {key: value}
        yield f"{command}/{key}-{label}", command, arguments


STR = [("missing", None), ("number", 1), ("null-list", []), ("empty", "")]
NOWHERE = [*STR, ("unknown", "/nosuch"), ("ambiguous", "root_port13")]
PATH = [*NOWHERE, ("slash", "/"), ("a-container", "/machine/peripheral"),
        ("a-port", "/machine/peripheral/root_port13")]
MEMBER = [*STR, ("unknown", "nosuch")]
U8 = [("missing", None), ("text", "1"), ("real", 1.5), ("bool", True), ("negative", -1),
      ("256", 256), ("huge", 1 << 64)]
U16 = [*U8[:5], ("65536", 65536)]
U32 = [*U8[:5], ("2-32", 1 << 32)]
U64 = [("missing", None), ("text", "1"), ("real", 1.5), ("negative", -1), ("huge", 1 << 64)]
BOOL = [("text", "on"), ("number", 1)]
ENUM = [("missing", None), ("number", 1), ("unknown", "nosuch"), ("empty", "")]

MEDIA = {"path": TYPE3, "log": "informational", "flags": 0, "dpa": 0, "descriptor": 0, "type": 0,
         "sub-type": 0, "transaction-type": 0}
MODULE = {"path": TYPE3, "log": "informational", "flags": 0, "type": 0, "sub-type": 0,
          "health-status": 0, "media-status": 0, "additional-status": 0, "life-used": 0,
          "temperature": 0, "dirty-shutdown-count": 0, "corrected-volatile-error-count": 0,
          "corrected-persistent-error-count": 0}
POISON = {"path": TYPE3, "start": 0, "length": 64}
GM, DR = "cxl-inject-general-media-event", "cxl-inject-dram-event"
MM, PO = "cxl-inject-memory-module-event", "cxl-inject-poison"
UE, CE = "cxl-inject-uncorrectable-errors", "cxl-inject-correctable-error"
BACKEND = {"qom-type": RAM, "id": "x", "size": 4096}


def without(arguments, key):
    return {k: v for k, v in arguments.items() if k != key}


def each(command, arguments, kinds):
    for key, values in kinds.items():
        yield from wrong(command, key, values, **without(arguments, key))


BAD = [
    *each("qom-list", {}, {"path": NOWHERE}),
    *each("qom-get", {"path": TYPE3, "property": "type"}, {"path": NOWHERE, "property": MEMBER}),
    *each("qom-set", {"path": TYPE3, "property": "sn", "value": 1},
          {"path": STR, "property": MEMBER,
           "value": [("missing", None), ("live", 1), ("text", "x"), ("list", [])]}),
    ("qom-set/type", "qom-set", {"path": TYPE3, "property": "type", "value": "x"}),
    ("qom-set/backend-size", "qom-set", {"path": "/objects/mem", "property": "size",
                                         "value": 4096}),
    ("qom-set/backend-share", "qom-set", {"path": "/objects/mem", "property": "share",
                                          "value": False}),
    *each("qom-list-get", {}, {"paths": [("missing", None), ("text", "/"), ("number", [1]),
                                         ("unknown", ["/nosuch"]), ("null", [None])]}),
    *each("qom-list-types", {}, {"implements": [("number", 1)], "abstract": BOOL}),
    *each("qom-list-properties", {}, {"typename": MEMBER}),
    *each("device-list-properties", {}, {"typename": [*MEMBER, ("abstract", "pci-device"),
                                                      ("object", RAM)]}),
    *each("object-add", BACKEND,
          {"qom-type": [*MEMBER, ("abstract", "memory-backend"), ("device", "cxl-type3")],
           "id": [*STR, ("digit", "1x"), ("blank", "a b"), ("slash", "a/b"), ("taken", "mem")],
           "size": [*U64[:3], ("zero", 0)], "share": BOOL, "prealloc": BOOL, "merge": BOOL,
           "dump": BOOL, "policy": ENUM[1:], "host-nodes": [("text", "0"), ("negative", [-1])],
           "prealloc-threads": [("negative", -1), ("text", "1"), ("zero", 0)],
           "align": [("unknown", 1)]}),
    ("object-add/nothing", "object-add", {}),
    ("object-add/file-no-path", "object-add", BACKEND | {"qom-type": "memory-backend-file"}),
    ("object-add/file-nowhere", "object-add",
     BACKEND | {"qom-type": "memory-backend-file", "mem-path": "/nodir/x"}),
    ("object-add/props", "object-add", {"qom-type": RAM, "id": "x", "props": {"size": 4096}}),
    *each("object-del", {}, {"id": [*STR, ("unknown", "nosuch"), ("path", "/objects/mem"),
                                    ("ram", "pc.ram")]}),
    *each("device_add", {"driver": "cxl-type3", "bus": "root_port13", "id": "x"},
          {"driver": [*MEMBER, ("abstract", "pci-device"), ("object", RAM)],
           "bus": [("number", 1), ("unknown", "nosuch"), ("empty", ""), ("root", "pcie.0"),
                   ("bridge", "cxl.1")],
           "id": [("number", 1), ("digit", "1x"), ("empty", ""), ("taken", "cxl-vmem0"),
                  ("blank", "a b")]}),
    ("device_add/taken-slot", "device_add", {"driver": "cxl-type3", "bus": "root_port13",
                                             "id": "x", "volatile-memdev": "mem"}),
    ("device_add/unknown-property", "device_add", {"driver": "cxl-type3", "bus": "root_port13",
                                                   "foo": 1}),
    ("device_add/bridge", "device_add", {"driver": "pxb-cxl", "bus": "pcie.0", "id": "x",
                                         "bus_nr": 40}),
    ("device_add/port", "device_add", {"driver": "cxl-rp", "bus": "cxl.1", "id": "x", "port": 1,
                                       "chassis": 0, "slot": 9}),
    *each("device_del", {}, {"id": [*STR, ("unknown", "nosuch"), ("path-unknown", "/nosuch"),
                                    ("bridge", "cxl.1"), ("port", "root_port13"),
                                    ("backend", "/objects/mem"), ("machine", "/machine")]}),
    *each("human-monitor-command", {"command-line": "info name"},
          {"command-line": STR[:3], "cpu-index": [("text", "0"), ("negative", -1), ("one", 1)]}),
    *each("set-action", {}, {"reboot": ENUM[1:], "shutdown": ENUM[1:], "panic": ENUM[1:],
                             "watchdog": ENUM[1:], "foo": [("unknown", 1)]}),
    *((f"{c}/argument", c, {"foo": 1}) for c in (
        "stop", "cont", "quit", "system_reset", "system_powerdown", "system_wakeup",
        "query-version", "query-memdev", "query-pci", "query-qmp-schema", "query-commands",
        "query-block", "query-blockstats", "query-tpm", "query-machines")),
    ("system_wakeup/nothing-sleeps", "system_wakeup", {}),
    *each("query-command-line-options", {}, {"option": [("number", 1), ("unknown", "nosuch"),
                                                        ("empty", "")]}),
    *each(GM, MEDIA, {"path": NOWHERE, "log": ENUM, "flags": [*U32, ("2-24", 1 << 24)],
                      "dpa": U64, "descriptor": U8, "type": U8, "transaction-type": U8,
                      "channel": U8[1:], "rank": U8[1:],
                      "device": [*U32[1:], ("2-24", 1 << 24)],
                      "component-id": [("number", 1), ("long", "x" * 17)], "foo": [("unknown", 1)]}),
    *each(DR, MEDIA, {"path": NOWHERE, "log": ENUM, "bank": U8[1:], "row": U32[1:],
                     "column": U16[1:], "nibble-mask": U32[1:],
                     "correction-mask": [("number", 1), ("text", ["x"]), ("negative", [-1])],
                     "foo": [("unknown", 1)]}),
    *each(MM, MODULE, {"path": NOWHERE, "log": ENUM, "health-status": U8,
                       "temperature": [*U8[:4], ("32768", 32768), ("-32769", -32769)],
                       "dirty-shutdown-count": U32, "foo": [("unknown", 1)]}),
    *each(PO, POISON, {"path": PATH, "start": [*U64, ("odd", 1)],
                       "length": [*U64, ("odd", 1), ("zero", 0)], "foo": [("unknown", 1)]}),
    *each(UE, {"path": TYPE3, "errors": []},
          {"path": NOWHERE, "errors": [("missing", None), ("number", 1), ("text", ["x"]),
                                        ("empty-object", [{}]), ("no-header", [{"type": "internal"}]),
                                        ("no-type", [{"header": []}]),
                                        ("unknown-type", [{"type": "nosuch", "header": []}]),
                                        ("header-text", [{"type": "internal", "header": ["x"]}]),
                                        ("header-negative", [{"type": "internal", "header": [-1]}]),
                                        ("header-2-32", [{"type": "internal",
                                                          "header": [1 << 32]}])]}),
    *each(CE, {"path": TYPE3, "type": "internal"}, {"path": NOWHERE, "type": ENUM}),
]
# What both answer: shown as a whole, member by member.
GOOD = [
    ("query-status", {}), ("query-name", {}), ("query-uuid", {}), ("query-target", {}),
    ("query-kvm", {}), ("query-current-machine", {}), ("query-accelerators", {}),
    ("query-version", {}), ("query-machines", {}), ("query-command-line-options", {}),
    ("query-memdev", {}), ("query-memory-size-summary", {}),
    ("query-chardev", {}), ("query-chardev-backends", {}), ("query-pci", {}),
    *((f"query-{what}", {}) for what in (
        "audiodevs", "block", "block-exports", "block-jobs", "blockstats", "fdsets", "iothreads",
        "jobs", "memory-devices", "migrate", "named-block-nodes", "pr-managers", "rx-filter",
        "tpm", "tpm-models", "tpm-types", "vnc", "vnc-servers")),
    ("qom-list", {"path": "/"}), ("qom-list", {"path": "/objects"}),
    ("qom-list", {"path": "/machine/peripheral"}), ("qom-list", {"path": "//objects//"}),
    ("qom-list-get", {"paths": []}), ("qom-list-get", {"paths": ["/objects/mem", "/objects"]}),
    ("qom-get", {"path": TYPE3, "property": "type"}),
    ("qom-get", {"path": "cxl-vmem0", "property": "volatile-memdev"}),
    ("qom-get", {"path": "peripheral/cxl-vmem0", "property": "volatile-memdev"}),
    ("qom-get", {"path": "/machine", "property": "peripheral"}),
    ("qom-get", {"path": "/objects/mem", "property": "size"}),
    ("qom-list-types", {"implements": "memory-backend"}),
    ("qom-list-types", {"implements": "nosuch"}),
    ("qom-list-properties", {"typename": RAM}),
]
# Of lists of many, the elements that are looked at; of the others only their names are.
LOOKED_AT = {"query-machines": ["pc-q35-5.2", "pc-q35-11.1"], "query-version": ["qemu"]}
# Words for people, which are everybody's own.
WORDS = {"description", "help"}
# What an element of a list is called by.
NAMES = ["id", "name", "label", "option", "qom-type"]


def exchange(qmp, text):
    """What comes back for @text. FFh behind it takes the reader out of whatever it is left in; in
    its first state it complains of that, which is not told."""
    qmp.send_raw(text.encode() + b'\xff\n{"execute": "query-version", "id": "the end"}\n')
    out = []
    while True:
        answer = qmp.read()
        if answer.get("id") == "the end":
            return out
        if not answer.get("error", {}).get("desc", "").endswith("stray '\ufffd'"):
            out.append(answer)


def line(answer):
    return json.dumps(answer, sort_keys=True).replace("|", "!")


def protocol(o):
    qmp = Qmp(f"{o.dir}/{SECOND}", negotiate=False)
    for when, rows in (("before", BEFORE), ("behind", BEHIND)):
        for name, text in rows:
            answers = " ".join(map(line, exchange(qmp, text))) or "nothing"
            # Lines are counted from the first request on.
            o.note(f"protocol/{when}/{name}", re.sub(r"\b\d+:(\d+: JSON)", r"LINE:\1", answers))
    qmp.close()


def bad(o):
    for name, command, arguments in BAD:
        o.ask(f"bad/{name}", command, **arguments)


def label(index, element):
    if "slot" in element:
        return f"{element['slot']:02x}.{element['function']}"
    if "bus" in element:
        return f"bus-{element['bus']}"
    return next((element[k].replace(" ", "-") or "nameless" for k in NAMES if isinstance(element.get(k), str)),
                str(index))


def leaves(key, value, looked_at=None):
    """@value, flattened: "KEY/*" has the names of what is in it, KEY/NAME each of them."""
    if isinstance(value, list) and all(isinstance(v, dict) for v in value):
        value = {label(i, v): v for i, v in enumerate(value)}
    if not isinstance(value, dict):
        yield key, line(value)
        return
    value = {k: v for k, v in value.items() if k not in WORDS}
    yield f"{key}/*", " ".join(sorted(value)) or "nothing"
    for k in sorted(value):
        if looked_at is None or k in looked_at:
            yield from leaves(f"{key}/{k}", value[k])


def good(o):
    for command, arguments in GOOD:
        where = "/".join(["good", command, *(re.sub(r"[^\w.-]+", "-", str(v)) or "none"
                                             for v in arguments.values())])
        for key, value in leaves(where, o.qmp.cmd(command, **arguments), LOOKED_AT.get(command)):
            text = re.sub(r"/proc/\d+/fd/\d+", "/proc/PID/fd/N", value.replace(o.dir, "DIR"))
            o.note(key, text)


def shared(theirs, ours):
    """Both without what the other has not: that is told by the "/*" of what it is in."""
    def known(mine, other):
        return {k: v for k, v in mine.items() if not k.startswith("good/") or k in other}
    return known(theirs, ours), known(ours, theirs)


def events(o):
    """Answers and events as they come, until the one that is waited for is there."""
    for name, command, awaited in [
            ("stop", "stop", "return"), ("stop-again", "stop", "return"),
            ("reset-while-it-stands", "system_reset", "RESET"), ("cont", "cont", "return"),
            ("cont-again", "cont", "return"), ("reset", "system_reset", "RESET"),
            ("powerdown", "system_powerdown", "POWERDOWN"), ("quit", "quit", "SHUTDOWN")]:
        o.qmp.send_raw(json.dumps({"execute": command}))
        came = []
        while not {"return", awaited} <= set(came):
            answer = o.qmp.read()
            came.append(answer.get("event", "return"))
            if answer.get("data"):
                o.note(f"event-order/{name}/{answer['event']}", line(answer["data"]))
        o.note(f"event-order/{name}", " ".join(came))
    o.ended(30)  # by itself, after "quit"


def commands(o):
    return {c["name"] for c in o.qmp.cmd("query-commands")}
