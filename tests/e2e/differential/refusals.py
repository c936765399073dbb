# SPDX-License-Identifier: Apache-2.0
"""Refusals of the monitor."""

DC = {"path": "/machine/peripheral/cxl-vmem0", "host_id": 0, "region": 0,
      "selection_policy": "prescriptive", "tag": "4da0a8a5-1d8b-4c8b-9f4e-0d1b3c5a7f01",
      "extents": [{"offset": 0, "len": 128 << 20}]}
GONE = {k: v for k, v in DC.items() if k != "selection_policy"} | {"removal_policy": "tag-based"}


def dc(**changed):
    return {k: v for k, v in (DC | changed).items() if v is not None}


def gone(**changed):
    return {k: v for k, v in (GONE | changed).items() if v is not None}


def extent(offset, length):
    return {"extents": [{"offset": offset, "len": length}]}


ADD, RELEASE = "cxl-add-dynamic-capacity", "cxl-release-dynamic-capacity"
# What neither may accept: name, command, arguments.
REQUESTS = [
    ("unknown-command", "no-such-command", {}),
    ("capabilities-twice", "qmp_capabilities", {}),
    ("unknown-argument", "query-status", {"foo": 1}),
    ("add-no-arguments", ADD, {}),
    ("add-no-path", ADD, dc(path=None)), ("add-no-region", ADD, dc(region=None)),
    ("add-no-host", ADD, dc(host_id=None)), ("add-no-extents", ADD, dc(extents=None)),
    ("add-unknown-argument", ADD, dc(foo=1)),
    ("add-path-number", ADD, dc(path=1)), ("add-region-text", ADD, dc(region="0")),
    ("add-region-256", ADD, dc(region=256)), ("add-region-negative", ADD, dc(region=-1)),
    ("add-tag-number", ADD, dc(tag=1)), ("add-extents-object", ADD, dc(extents={})),
    ("add-extent-without-len", ADD, dc(extents=[{"offset": 0}])),
    ("add-extent-extra", ADD, dc(extents=[{"offset": 0, "len": 1, "x": 1}])),
    ("add-no-such-policy", ADD, dc(selection_policy="nosuch")),
    ("add-no-such-device", ADD, dc(path="/machine/peripheral/nosuch")),
    ("add-not-a-type3", ADD, dc(path="/machine/peripheral/root_port13")),
    ("add-region-9", ADD, dc(region=9)), ("add-region-1", ADD, dc(region=1)),
    ("add-policy-free", ADD, dc(selection_policy="free")),
    ("add-length-0", ADD, dc(**extent(0, 0))), ("add-unaligned", ADD, dc(**extent(1, 2 << 20))),
    ("add-past-the-end", ADD, dc(**extent(1 << 40, 2 << 20))),
    ("add-overlapping", ADD, dc(extents=[{"offset": 0, "len": 4 << 20},
                                         {"offset": 2 << 20, "len": 4 << 20}])),
    ("release-no-arguments", RELEASE, {}), ("release-no-path", RELEASE, gone(path=None)),
    ("release-no-policy", RELEASE, gone(removal_policy=None)),
    ("release-no-such-policy", RELEASE, gone(removal_policy="nosuch")),
    ("release-no-such-device", RELEASE, gone(path="/nosuch")),
    ("release-region-9", RELEASE, gone(region=9)),
    ("release-unknown", RELEASE, gone(removal_policy="prescriptive", tag=None)),
    ("object-no-type", "object-add", {"id": "x"}),
    ("object-unknown-type", "object-add", {"qom_type": "nosuch", "id": "x"}),
    ("object-no-id", "object-add", {"qom_type": "memory-backend-ram", "size": 4096}),
    ("object-no-size", "object-add", {"qom_type": "memory-backend-ram", "id": "x"}),
    ("object-size-text", "object-add",
     {"qom_type": "memory-backend-ram", "id": "x", "size": "4096"}),
    ("object-unknown-property", "object-add",
     {"qom_type": "memory-backend-ram", "id": "x", "size": 4096, "foo": 1}),
    ("object-bad-id", "object-add", {"qom_type": "memory-backend-ram", "id": "1", "size": 4096}),
    ("object-duplicate", "object-add", {"qom_type": "memory-backend-ram", "id": "mem",
                                        "size": 4096}),
    ("object-del-unknown", "object-del", {"id": "nosuch"}),
    ("object-del-used", "object-del", {"id": "mem"}),
    ("device-no-driver", "device_add", {"id": "x"}),
    ("device-unknown", "device_add", {"driver": "nosuch", "id": "x"}),
    ("device-unknown-bus", "device_add", {"driver": "cxl-type3", "id": "x", "bus": "nosuch"}),
    ("device-duplicate", "device_add", {"driver": "cxl-type3", "id": "cxl-vmem0",
                                        "bus": "root_port13"}),
    ("device-del-unknown", "device_del", {"id": "nosuch"}),
    ("qom-list-unknown", "qom-list", {"path": "/nosuch"}),
    ("qom-get-unknown-path", "qom-get", {"path": "/nosuch", "property": "type"}),
    ("qom-get-unknown-property", "qom-get", {"path": "/machine", "property": "nosuch"}),
    ("qom-set-unknown-property", "qom-set", {"path": "/machine", "property": "nosuch",
                                             "value": 1}),
]


def refusals(o):
    """Class and text of each."""
    for name, command, arguments in REQUESTS:
        o.ask(f"qmp/{name}", command, **arguments)
