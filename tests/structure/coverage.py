#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that the documents name everything the program has.

    coverage.py TOP            check the checkout at TOP
    coverage.py --self-check   check that a name taken away is noticed

The names are read off the rows in src/: mailbox commands, command-line options, properties, QMP and
qtest commands, QMP events. docs/coverage.md must have each in a code span of the section for its
kind (an opcode as "4800h"), in a row that does not call it absent; options must be in
docs/cxlbox.1.scd, QMP commands and events in docs/cxlbox-qmp.7.scd. Tests that docs/coverage.md
cites, as `FILE`, `FILE:NAME` or `tests/PATH`, must exist; `ROOM/FILE` says which of several.
"""

import pathlib
import re
import sys

COVERAGE, MAN, MAN_QMP = 'docs/coverage.md', 'docs/cxlbox.1.scd', 'docs/cxlbox-qmp.7.scd'
SPAN = re.compile(r'`([^`\n]+)`')
CITED = re.compile(r'(?:\w+/)?(?:test|property|fuzz)_\w+(?::\w+)?|tests/[\w/]+\.\w+')


class Tree:
    """Files below TOP; TAKEN, if given, is a pair (path, text) that stands for one of them."""

    def __init__(self, top, taken=None):
        self.top, self.taken = pathlib.Path(top), taken

    def read(self, path):
        if self.taken and self.taken[0] == path:
            return self.taken[1]
        return (self.top / path).read_text(encoding='utf-8')

    def sources(self, *folders):
        for folder in folders:
            for path in sorted((self.top / folder).rglob('*.[ch]')):
                yield self.read(str(path.relative_to(self.top)))


def tables(text, row_type):
    """The bodies of all tables "static const ROW_TYPE name[] = { ... };" in a source."""
    pattern = rf'\b(?:static )?const {row_type} \w+\[\] = \{{\n(.*?)\n\}}'
    return re.findall(pattern, text, re.DOTALL)


def first_members(body):
    """What stands first in each row: a string, or the name of a macro."""
    return re.findall(r'^\t\{ (?:\.name = )?("[^"]*"|[A-Z]\w+),', body, re.MULTILINE)


def names(tree, row_type, *folders):
    found = set()
    for text in tree.sources(*folders):
        for body in tables(text, row_type):
            found.update(first_members(body))
    macros = {name: value for text in tree.sources(*folders)
              for name, value in re.findall(r'^#define (\w+) "([^"]*)"', text, re.MULTILINE)}
    return {n.strip('"') if n[0] == '"' else macros[n] for n in found if n != 'NULL'}


def opcodes(tree):
    values = {}
    for text in tree.sources('src/wire'):
        values.update(re.findall(r'^\t(CXB_OP_\w+) = 0x([0-9a-f]{4}),', text, re.MULTILINE))
    found = set()
    for text in tree.sources('src'):
        for body in tables(text, 'CxbCciCmd'):
            for opcode in re.findall(r'\.opcode = (\w+)', body):
                found.add(values.get(opcode, opcode.removeprefix('0x')).upper() + 'h')
    return found


def properties(tree):
    return names(tree, 'CxbProp', 'src/devices', 'src/memory', 'src/machine', 'src/pci')


def options(tree):
    return {'-' + name for name in names(tree, 'OptDef', 'src/tools')}


def qmp_commands(tree):
    return names(tree, 'CxbQmpCmd', 'src/monitor', 'src/tools')


def qmp_events(tree):
    sent = {name for text in tree.sources('src/monitor', 'src/tools')
            for name in re.findall(r'cxb_qmp_event\([^;"]*"([A-Z_]+)"', text)}
    return sent | names(tree, 'CxbQmpEvent', 'src/monitor', 'src/tools')


def qtest_commands(tree):
    body = re.search(r'\} commands\[\] = \{\n(.*?)\n\};', tree.read('src/qtest/commands.c'),
                     re.DOTALL)
    return {n.strip('"') for n in first_members(body[1])}


# kind, heading of its section in coverage.md, where the names come from, fewest there can be
KINDS = (
    ('mailbox command', 'Mailbox commands', opcodes, 14),
    ('option', 'Command line', options, 20),
    ('property', 'Devices, backends and the machine', properties, 35),
    ('QMP command', 'QMP', qmp_commands, 20),
    ('QMP event', 'QMP', qmp_events, 3),
    ('qtest command', 'qtest', qtest_commands, 20),
)

# kind: the man page that has its names, set in bold
PAGES = {'option': MAN, 'property': MAN, 'QMP command': MAN_QMP, 'QMP event': MAN_QMP}


def in_man(name):
    """NAME in bold, by itself or with what follows it: *name*, *name=on|off*, *name.*."""
    return re.compile(rf'\*{re.escape(name)}(?=[*=.])')


def sections(text):
    """{heading: code spans below it} of the second-level headings of a Markdown text, without rows
    of what is absent (score 0)."""
    parts = re.split(r'^## (.+)$', re.sub(r'^.*\| 0 \|.*$', '', text, flags=re.MULTILINE),
                     flags=re.MULTILINE)
    return {heading: set(SPAN.findall(body)) for heading, body in zip(parts[1::2], parts[2::2])}


def check_cited(tree, text):
    files = {}
    for path in tree.top.glob('tests/**/*'):
        if path.suffix in ('.c', '.py'):
            files.setdefault(path.stem, []).append(path)
    mistakes = []
    for cited in sorted({c for c in SPAN.findall(text) if CITED.fullmatch(c)}):
        if cited.startswith('tests/'):
            if not (tree.top / cited).is_file():
                mistakes.append(f'{COVERAGE}: there is no file {cited}')
            continue
        where, _, name = cited.partition(':')
        room, _, stem = where.rpartition('/')
        held = [path for path in files.get(stem, ()) if room in ('', path.parent.name)]
        if len(held) > 1:
            mistakes.append(f'{COVERAGE}: {cited} may be in any of {len(held)} files')
        elif not held or not re.search(rf'\b{name}\b', held[0].read_text(encoding='utf-8')):
            mistakes.append(f'{COVERAGE}: there is no test {cited}')
    return mistakes


def all_names(tree):
    return {kind: find(tree) for kind, _, find, _ in KINDS}


def check_names(tree, found_by_kind):
    spans, mistakes = sections(tree.read(COVERAGE)), []
    man, man_qmp = tree.read(MAN), tree.read(MAN_QMP)
    for kind, heading, _, fewest in KINDS:
        found = found_by_kind[kind]
        if len(found) < fewest:
            mistakes.append(f'only {len(found)} names of kind "{kind}" found: the tables moved?')
        mistakes += [f'{COVERAGE}: section "{heading}" lacks {kind} `{name}`'
                     for name in sorted(found - spans.get(heading, set()))]
        page, where = {MAN: (man, MAN), MAN_QMP: (man_qmp, MAN_QMP)}.get(PAGES.get(kind),
                                                                         (None, None))
        if page:
            mistakes += [f'{where}: lacks {kind} {name}' for name in sorted(found)
                         if not in_man(name).search(page)]
    return mistakes


def check(tree):
    return check_names(tree, all_names(tree)) + check_cited(tree, tree.read(COVERAGE))


def self_check(top):
    """Take each name out of each document in turn: every one must be missed, and no other."""
    tree = Tree(top)
    assert not check(tree), 'the checkout itself has mistakes'
    found, tried = all_names(tree), 0
    for path in (COVERAGE, MAN, MAN_QMP):
        text = tree.read(path)
        for kind, heading, _, _ in KINDS:
            for name in sorted(found[kind]):
                if path == COVERAGE:
                    head, mark, rest = text.partition(f'\n## {heading}\n')
                    body, *tail = re.split(r'(?=^## )', rest, maxsplit=1, flags=re.MULTILINE)
                    shorter = head + mark + body.replace(f'`{name}`', '') + ''.join(tail)
                elif path == PAGES.get(kind):
                    shorter = in_man(name).sub('*', text)
                else:
                    continue
                mistakes = check_names(Tree(top, (path, shorter)), found)
                assert len(mistakes) == 1 and name in mistakes[0], (path, name, mistakes)
                tried += 1
    assert tried > 150, tried
    # a command that nobody described, and a test that nobody wrote
    source = 'src/cxl/cmd_timestamp.c'
    more = tree.read(source).replace('.opcode = CXB_OP_GET_TIMESTAMP', '.opcode = 0x0302')
    mistakes = check(Tree(top, (source, more)))
    assert len(mistakes) == 1 and '0302h' in mistakes[0], mistakes
    mistakes = check(Tree(top, (COVERAGE, tree.read(COVERAGE) + '`test_cci:no_such_test`\n')))
    assert len(mistakes) == 1 and 'no_such_test' in mistakes[0], mistakes


def main():
    if len(sys.argv) == 3 and sys.argv[1] == '--self-check':
        self_check(sys.argv[2])
        return
    mistakes = check(Tree(sys.argv[1]))
    for mistake in mistakes:
        print(mistake)
    sys.exit(bool(mistakes))


if __name__ == '__main__':
    main()
