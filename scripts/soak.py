#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What takes too long for every commit. Called by scripts/soak; prints figures and ends with
"N passed, N failed, N skipped".

    --only NAME     only this part; may be given more than once
    --seconds N     fuzz each target for N seconds (default 600)
    --scale F       F times as many operations, cycles, deaths and connections (default 1)
"""

import argparse
import importlib.util
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
# Name, how often at scale 1; run by tests/soak/run_soak.py.
REPEATED = {'leaks': 1000, 'plug': 1000, 'kill': 100, 'hostile': 10000, 'faults': 100000,
            'fabric': 100000, 'vfio-user': 10000}
OPERATIONS = 1000000
ENGINES = ['property_dc', 'property_dc_static', 'property_dc_heads']
PART_SECONDS = 4 * 3600


def load_test():
    """scripts/test.py: how to build, run and judge."""
    spec = importlib.util.spec_from_file_location('cxlbox_test', TOP / 'scripts' / 'test.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


test = load_test()


class Soak:
    def __init__(self, args, results):
        self.args, self.results = args, results
        self.asan = None

    def build_asan(self):
        """Once, whoever needs it first."""
        if self.asan is None:
            self.asan = test.build(self.results, 'build-asan', 'gcc',
                                   ['-Db_sanitize=address,undefined', '-Db_lundef=false'])
        return self.asan

    def environment(self, **more):
        build = TOP / 'build-asan'
        return dict(test.environment(), CXLBOX=str(build / 'src/tools/cxlbox'),
                    CXLBOX_INJECT=str(build / 'tests/inject/cxlbox-inject'),
                    PYTHONPATH=str(TOP / 'scripts/py'), PYTHONDONTWRITEBYTECODE='1', **more)

    def run(self, name, command, env):
        if not self.build_asan():
            return
        status, out = test.run(command, PART_SECONDS, env)
        if status:
            self.results.failed(name, f'status {status}', out)
        else:
            for line in out.splitlines():
                if not line.startswith(('ok ', '# ', 'TAP ', '1..')):
                    print(f'    {line}')
            self.results.passed(name, 'done')

    def scaled(self, count):
        return max(1, int(count * self.args.scale))

    def repeated(self, name):
        count = self.scaled(REPEATED[name])
        self.run(f'{name} ({count})',
                 [sys.executable, 'tests/soak/run_soak.py', name, str(count)],
                 self.environment())

    def points(self):
        self.run('points', [sys.executable, 'tests/e2e/test_faults.py'], self.environment())

    def engine(self):
        count = self.scaled(OPERATIONS)
        for name in ENGINES:
            self.run(f'engine, {name} ({count} operations)',
                     [str(TOP / 'build-asan/tests/property/cxl' / name), '--tap'],
                     self.environment(CXB_OPERATIONS=str(count)))

    def fuzz(self):
        test.FUZZ_SECONDS = self.args.seconds
        test.stage_fuzz(self.results)

    def part(self, name):
        if name in REPEATED:
            self.repeated(name)
        else:
            {'points': self.points, 'engine': self.engine, 'fuzz': self.fuzz}[name]()


PARTS = ['points', *REPEATED, 'engine', 'fuzz']


def main():
    parser = argparse.ArgumentParser(description='long runs')
    parser.add_argument('--only', action='append', choices=PARTS)
    parser.add_argument('--seconds', type=int, default=600)
    parser.add_argument('--scale', type=float, default=1)
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True, errors='replace')

    results = test.Results(None)
    soak = Soak(args, results)
    for name in PARTS:
        if args.only and name not in args.only:
            continue
        print(f'== {name}')
        start = time.monotonic()
        try:
            soak.part(name)
        except Exception as error:  # the closing line comes whatever happens
            results.failed(name, f'{type(error).__name__}: {error}')
        print(f'-- {name}: {time.monotonic() - start:.0f} s')
    print(results.closing_line())
    sys.exit(1 if results.counts['failed'] else 0)


if __name__ == '__main__':
    main()
