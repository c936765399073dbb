# SPDX-License-Identifier: Apache-2.0
"""Differences between two tables of observations, and the list of those that are known."""

import re

ABSENT = "absent"
TABLE_HEAD = ["key", "field", "QEMU", "cxlbox", "reason"]


def differences(theirs, ours):
    """{key: (QEMU's value, cxlbox's)}; registers in a row that differ alike are one entry, whose
    key names the first and the last: writable/port/1cc-ffc."""
    found, run = {}, None
    for key in sorted(set(theirs) | set(ours)):
        pair = (theirs.get(key, ABSENT), ours.get(key, ABSENT))
        if pair[0] == pair[1]:
            continue
        where, _, last = key.rpartition("/")
        if run and re.fullmatch("[0-9a-f]{3,4}", last) and run[0] == where and run[1] == pair and \
                run[3] + 4 == int(last, 16):
            found.pop(f"{where}/{run[2]}" + (f"-{run[4]}" if run[4] else ""))
            run = (where, pair, run[2], int(last, 16), last)
            found[f"{where}/{run[2]}-{last}"] = pair
            continue
        found[key] = pair
        run = (where, pair, last, int(last, 16), None) if re.fullmatch("[0-9a-f]{3,4}", last) \
            else None
    return found


def known(text):
    """The rows of every table in @text whose first column is called key: {key: (QEMU's, ours)}."""
    rows, inside = {}, False
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells == TABLE_HEAD:
            inside = True
        elif inside and not set(line) <= set("|- "):
            if len(cells) != len(TABLE_HEAD) or not all(cells):
                raise ValueError(f"not {len(TABLE_HEAD)} filled cells: {line}")
            key, _, theirs, ours, _ = (c.strip("`") for c in cells)
            if key in rows:
                raise ValueError(f"{key} is listed twice")
            rows[key] = (theirs, ours)
    return rows


def judge(found, listed):
    """What is wrong with the list, one line each: a difference that is not in it, or is not as it
    says; and an entry that no difference stands for."""
    wrong = []
    for key in sorted(set(found) | set(listed)):
        if key not in listed:
            wrong.append("unlisted: {} is {} in QEMU, {} here".format(key, *found[key]))
        elif key not in found:
            wrong.append(f"vanished: {key}")
        elif found[key] != listed[key]:
            wrong.append("changed: {} is {} in QEMU, {} here, listed as {} and {}".format(
                key, *found[key], *listed[key]))
    return wrong


def named(text, heading):
    """What the table below "## HEADING" in @text names: every code span in its first column."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not section:
        raise ValueError(f"there is no section {heading}")
    names = [n for row in re.findall(r"^\|([^|]*)\|", section[1], re.M)
             for n in re.findall(r"`([^`]+)`", row)]
    if len(set(names)) != len(names):
        raise ValueError(f"{heading}: a name is there twice")
    return set(names)
