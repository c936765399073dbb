#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile every public header alone, and twice in one file.

    headers.py TOP COMPILER [ARGUMENT...]

A header sees the include folders of its room and of the rooms that tests/rooms.txt lets it use
(and that those use), nothing more.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

import rooms as table


def compile_header(top, rooms, compiler, header):
    room, name = header.parent.name, f'{header.parent.name}/{header.name}'
    folders = [f'-I{top / "src" / used / "include"}' for used in sorted(table.closure(rooms, room))]
    result = subprocess.run(
        [*compiler, *folders, '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-xc', '-'],
        input=f'#include "{name}"\n#include "{name}"\n', text=True, capture_output=True,
        timeout=60, check=False, env={**os.environ, 'LC_ALL': 'C'})
    return name, result.returncode, result.stderr


def main():
    top, compiler = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    rooms, mistakes = table.read_rooms(top / 'tests' / 'rooms.txt')
    if mistakes:
        sys.exit('\n'.join(mistakes))
    headers = sorted(top.glob('src/*/include/*/*.h'))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, code, errors in pool.map(
                lambda header: compile_header(top, rooms, compiler, header), headers):
            if code:
                failed += 1
                print(f'{name} does not compile alone:\n{errors}')
    print(f'{len(headers)} headers, {failed} failed')
    if failed or not headers:
        sys.exit(1)


if __name__ == '__main__':
    main()
