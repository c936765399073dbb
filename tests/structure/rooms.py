#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check which room includes which against tests/rooms.txt.

    rooms.py TOP            check the checkout at TOP
    rooms.py --self-check   check that every kind of mistake is found

A room is a folder below src/. Its public headers lie in src/ROOM/include/ROOM/ and are included
as "ROOM/NAME.h", also by the room itself; private ones lie next to the .c and are included as
"NAME.h".
"""

import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">\n]+)[">]', re.MULTILINE)
SOURCES = {'.c', '.h', '.inc'}


def read_rooms(path):
    """Return {room: set of rooms it may use}, in the file's order, and the mistakes in it."""
    rooms, mistakes = {}, []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.split('#')[0].strip()
        if not line:
            continue
        room, colon, uses = line.partition(':')
        if not colon or not re.fullmatch(r'[a-z][a-z0-9_]*', room.strip()):
            mistakes.append(f'{path.name}:{number}: not "room: rooms it may use"')
            continue
        room, uses = room.strip(), uses.split()
        if room in rooms:
            mistakes.append(f'{path.name}:{number}: room {room} again')
        rooms[room] = set(rooms) if uses == ['*'] else set(uses)
    order = {room: i for i, room in enumerate(rooms)}
    for room, uses in rooms.items():
        for used in sorted(uses):
            if used not in rooms:
                mistakes.append(f'{path.name}: {room} may use unknown room {used}')
            elif order[used] >= order[room]:
                mistakes.append(f'{path.name}: {room} may use {used}, which is not above it')
    return rooms, mistakes


def closure(rooms, room):
    """The rooms whose headers a user of ROOM's headers may see: what it uses, and what that uses."""
    seen, todo = set(), [room]
    while todo:
        now = todo.pop()
        if now not in seen:
            seen.add(now)
            todo += rooms.get(now, ())
    return seen


def find_cycle(edges):
    """Return one cycle of {room: rooms} as a list that ends where it began, or None."""
    done = set()

    def walk(room, path):
        if room in path:
            return path[path.index(room):] + [room]
        if room in done:
            return None
        for used in sorted(edges.get(room, ())):
            found = walk(used, path + [room])
            if found:
                return found
        done.add(room)
        return None

    for room in edges:
        found = walk(room, [])
        if found:
            return found
    return None


def strip_comments(text):
    return re.sub(r'/\*.*?\*/|//[^\n]*', lambda m: '\n' * m.group().count('\n'), text,
                  flags=re.DOTALL)


def check(top):
    """Return (mistakes, number of files read, set of edges seen)."""
    rooms, mistakes = read_rooms(top / 'tests' / 'rooms.txt')
    src = top / 'src'
    edges, files = {}, 0

    def public(room, name):
        return src / room / 'include' / room / name

    for folder in sorted(p for p in src.iterdir() if p.is_dir()):
        room = folder.name
        sources = sorted(p for p in folder.rglob('*') if p.suffix in SOURCES and p.is_file())
        if room not in rooms:
            mistakes.append(f'src/{room}: unknown room')
        for header in (p for p in sources if (folder / 'include') in p.parents):
            if header.parent != folder / 'include' / room:
                mistakes.append(f'{header.relative_to(top)}: public headers lie in '
                                f'src/{room}/include/{room}/')
        for path in sources:
            files += 1
            text = strip_comments(path.read_text())
            for match in INCLUDE.finditer(text):
                quote, name = match.groups()
                first, slash, rest = name.partition('/')
                where = f'{path.relative_to(top)}:{text.count(chr(10), 0, match.start(2)) + 1}'
                if quote == '<':
                    if slash and first in rooms and public(first, rest).exists():
                        mistakes.append(f'{where}: a room\'s header is included with quotes')
                        edges.setdefault(room, set()).add(first)
                elif not slash:
                    if not (path.parent / name).exists():
                        mistakes.append(f'{where}: no private header {name} next to this file')
                elif first not in rooms:
                    mistakes.append(f'{where}: unknown room {first}')
                else:
                    if first != room:
                        edges.setdefault(room, set()).add(first)
                        if first not in rooms.get(room, ()):
                            mistakes.append(f'{where}: {room} may not use {first} ({name})')
                    if not public(first, rest).exists():
                        mistakes.append(f'{where}: room {first} has no public header {rest}')

    for what, graph in (('allowed uses', rooms), ('includes', edges)):
        cycle = find_cycle(graph)
        if cycle:
            mistakes.append(f'cycle of {what}: ' + ' -> '.join(cycle))
    return mistakes, files, edges


def self_check():
    """Each case: the table, the files, and what must be said; nothing else may be said."""
    good = {'src/a/include/a/x.h': '', 'src/a/x.c': '#include "a/x.h"\n#include "p.h"\n',
            'src/a/p.h': '#include <stdio.h>\n',
            'src/b/y.c': '/* #include "c/z.h" */\n#include "a/x.h"\n'}
    table = 'a:\nb: a\n'
    cases = [
        ('a good tree', table, {}, []),
        ('a forbidden edge', 'a:\nb:\n', {}, ['src/b/y.c:2: b may not use a (a/x.h)']),
        ('the same through # include', table, {'src/b/include/b/y.h': '',
                                               'src/a/x.c': '\t# include\t"b/y.h"\n'},
         ['src/a/x.c:1: a may not use b (b/y.h)', 'cycle of includes: a -> b -> a']),
        ('a cycle in the table', 'a: b\nb: a\n', {},
         ['rooms.txt: a may use b, which is not above it', 'cycle of allowed uses: a -> b -> a']),
        ('a cycle of three', 'a: c\nb: a\nc: b\n', {},
         ['rooms.txt: a may use c, which is not above it',
          'cycle of allowed uses: a -> c -> b -> a']),
        ('an include of an unknown room', table, {'src/b/z.c': '#include "q/z.h"\n'},
         ['src/b/z.c:1: unknown room q']),
        ('a folder that is no room', table, {'src/q/z.c': ''}, ['src/q: unknown room']),
        ('a table naming no room', 'a:\nb: a q\n', {}, ['rooms.txt: b may use unknown room q']),
        ('a room twice', 'a:\nb: a\nb: a\n', {}, ['rooms.txt:3: room b again']),
        ('a line that is none', table + 'c\n', {},
         ['rooms.txt:3: not "room: rooms it may use"']),
        ('a private header of another room', table, {'src/b/z.c': '#include "a/p.h"\n'},
         ['src/b/z.c:1: room a has no public header p.h']),
        ('a way around', table, {'src/b/z.c': '#include "../a/p.h"\n'},
         ['src/b/z.c:1: unknown room ..']),
        ('angle brackets', table, {'src/b/z.c': '#include <a/x.h>\n'},
         ['src/b/z.c:1: a room\'s header is included with quotes']),
        ('a public header under another name', table, {'src/b/include/a/w.h': ''},
         ['src/b/include/a/w.h: public headers lie in src/b/include/b/']),
        ('a star', 'a:\nb: *\n', {}, []),
    ]
    for what, rooms, more, expected in cases:
        with tempfile.TemporaryDirectory() as name:
            top = pathlib.Path(name)
            for path, text in {'tests/rooms.txt': rooms, **good, **more}.items():
                (top / path).parent.mkdir(parents=True, exist_ok=True)
                (top / path).write_text(text)
            mistakes = check(top)[0]
        if sorted(mistakes) != sorted(expected):
            sys.exit(f'self-check: {what}: said {mistakes}, not {expected}')
    print(f'{len(cases)} trees judged as they should be')


def main():
    if sys.argv[1:] == ['--self-check']:
        self_check()
        return
    mistakes, files, edges = check(pathlib.Path(sys.argv[1]).resolve())
    for mistake in mistakes:
        print(mistake)
    print(f'{files} files, {sum(map(len, edges.values()))} edges, {len(mistakes)} mistakes')
    if mistakes or not files:
        sys.exit(1)


if __name__ == '__main__':
    main()
