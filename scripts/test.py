#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build, test, fuzz and check everything. Called by scripts/test.

    --skips FILE    a skip fails unless FILE has a line "NAME: PATTERN" (shell patterns) for it
    --only STAGE    run only this stage; may be given more than once

Every Meson test, every fuzz target and every style check counts once; so does a build that
fails. A test skips by exit status 77 (or TAP's "# SKIP") with a last line "SKIP: cause"; a skip
that gives no cause fails.
"""

import argparse
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
CPUS = os.cpu_count() or 1
FUZZ_SECONDS = 10
BUILD_SECONDS = 20 * 60
TEST_SECONDS = 20 * 60
# Sanitizers and a busy machine make everything slower than the time-outs are written for.
SLOWDOWN = 3
TAIL = 40


class Results:
    """What passed, failed and was skipped, and when a skip is a failure."""

    def __init__(self, allowed):
        self.allowed = allowed
        self.counts = {'passed': 0, 'failed': 0, 'skipped': 0}

    def passed(self, name, detail=''):
        self.counts['passed'] += 1
        if detail:
            print(f'PASS {name}: {detail}')

    def failed(self, name, detail, log=''):
        self.counts['failed'] += 1
        print(f'FAIL {name}: {detail}')
        lines = log.splitlines()
        if len(lines) > TAIL:
            print(f'    ... {len(lines) - TAIL} lines before')
        for line in lines[-TAIL:]:
            print(f'    {line}')

    def skipped(self, name, cause):
        if not cause:
            self.failed(name, 'skipped without saying why')
        elif self.allowed is not None and not any(
                fnmatch.fnmatchcase(name, n) and fnmatch.fnmatchcase(cause, c)
                for n, c in self.allowed):
            self.failed(name, f'skip that is not on the list: {cause}')
        else:
            self.counts['skipped'] += 1
            print(f'SKIP {name}: {cause}')

    def closing_line(self):
        return ', '.join(f'{count} {what}' for what, count in self.counts.items())


def read_skips(path):
    allowed = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith('#'):
            name, colon, cause = line.partition(':')
            if not colon or not cause.strip():
                sys.exit(f'{path}: not "NAME: PATTERN": {line}')
            allowed.append((name.strip(), cause.strip()))
    return allowed


def environment():
    env = dict(os.environ)
    env['ASAN_OPTIONS'] = 'halt_on_error=1:abort_on_error=1:detect_leaks=1'
    env['UBSAN_OPTIONS'] = 'halt_on_error=1:abort_on_error=1:print_stacktrace=1'
    env['LC_ALL'] = 'C.UTF-8'
    return env


def run(command, seconds, env=None):
    """Run COMMAND; return (exit status, all output). Its whole process group ends with it."""
    with subprocess.Popen(command, cwd=TOP, env=env or environment(), start_new_session=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        try:
            out = process.communicate(timeout=seconds)[0]
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out = process.communicate()[0]
            status = f'no end after {seconds} s'
    return status, out.decode(errors='replace')


def build(results, folder, compiler, options):
    """Configure and compile in TOP/FOLDER; True if that went without an error or a warning."""
    name = f'build ({folder})'
    env = environment()
    # what the build runs are tools, and a compiler's own leaks are not ours
    env['ASAN_OPTIONS'] = 'detect_leaks=0'
    env['CC'] = compiler
    setup = ['meson', 'setup', folder, '-Dwerror=true', *options]
    if (TOP / folder / 'build.ninja').exists():
        status, out = run([*setup, '--reconfigure'], BUILD_SECONDS, env)
        if status:
            status, out = run([*setup, '--wipe'], BUILD_SECONDS, env)
    else:
        status, out = run(setup, BUILD_SECONDS, env)
    if not status:
        status, out = run(['ninja', '-C', folder, '-k', '0'], BUILD_SECONDS, env)
    if status:
        results.failed(name, f'status {status}', '\n'.join(
            line for line in out.splitlines() if not re.match(r'\[\d+/\d+\]', line)))
        return False
    if 'warning:' in out:
        results.failed(name, 'warnings', '\n'.join(
            line for line in out.splitlines() if 'warning:' in line))
        return False
    return True


def skip_cause(text):
    for line in reversed(text.splitlines()):
        if line.startswith('SKIP: '):
            return line[6:].strip()
        match = re.match(r'(?:not )?ok\b.*#\s*SKIP\b[ :]*(.*)|1\.\.0\s*#\s*SKIP\b[ :]*(.*)', line,
                         re.IGNORECASE)
        if match:
            return (match.group(1) or match.group(2) or '').strip()
    return ''


def judge_test(results, entry, endless):
    name = entry['name'].rpartition(' / ')[2]
    stdout = entry.get('stdout', '')
    log = '\n'.join(filter(None, [stdout, entry.get('stderr', '')]))
    if name in endless:
        results.failed(name, 'has no time-out')
    elif entry['result'] == 'SKIP':
        results.skipped(name, skip_cause(log))
    elif entry['result'] == 'OK':
        # A TAP test passes as a whole when only some of its parts were skipped.
        if re.search(r'^ok\b.*#\s*SKIP\b', stdout, re.IGNORECASE | re.MULTILINE):
            results.skipped(name, skip_cause(stdout))
        else:
            results.passed(name)
    elif entry['result'] == 'EXPECTEDFAIL':
        results.passed(name)
    else:
        results.failed(name, f'{entry["result"].lower()} after {entry["duration"]:.1f} s', log)


def stage_tests(results):
    """gcc with sanitizers; every Meson test."""
    folder = TOP / 'build-asan'
    log = folder / 'meson-logs' / 'testlog.json'
    if not build(results, 'build-asan', 'gcc',
                 ['-Db_sanitize=address,undefined', '-Db_lundef=false']):
        return
    log.unlink(missing_ok=True)
    status, out = run(['meson', 'introspect', '--tests', str(folder)], TEST_SECONDS)
    tests = json.loads(out) if not status else []
    endless = {test['name'] for test in tests if not test['timeout'] or test['timeout'] <= 0}
    if tests:
        status, out = run(['meson', 'test', '-C', 'build-asan', '--no-rebuild',
                           '--timeout-multiplier', str(SLOWDOWN)], TEST_SECONDS)
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    before = results.counts['failed']
    for entry in entries:
        judge_test(results, entry, endless)
    names = [test['name'] for test in tests]
    for name in {n for n in names if names.count(n) > 1}:
        results.failed(name, 'name of several tests')
    if not any(entry['result'] != 'SKIP' for entry in entries):
        results.failed('meson test', 'no test ran', out)
    elif len(entries) != len(tests):
        results.failed('meson test', f'{len(entries)} of {len(tests)} tests ran', out)
    elif status and results.counts['failed'] == before:
        results.failed('meson test', f'status {status}', out)
    print(f'{len(entries)} tests ran')


def fuzz_target(target):
    """Replay the target's corpus, then fuzz it: (name, what went wrong or None, detail, log)."""
    name = target.name
    seeds = TOP / 'tests' / 'fuzz' / 'corpus' / name
    work = TOP / 'build-fuzz' / 'fuzzing' / name
    found = work / 'corpus'
    found.mkdir(parents=True, exist_ok=True)
    if not seeds.is_dir() or not any(seeds.iterdir()):
        return name, f'no seeds in {seeds.relative_to(TOP)}', '', ''
    common = [str(target), '-timeout=20', '-rss_limit_mb=4096', f'-artifact_prefix={work}/',
              '-error_exitcode=1']
    status, out = run([*common, '-runs=0', str(seeds)], 300)
    if status:
        return name, f'a seed fails, status {status}', '', out
    status, out = run([*common, f'-max_total_time={FUZZ_SECONDS}', '-print_final_stats=1',
                       str(found), str(seeds)], FUZZ_SECONDS + 300)
    (work / 'log').write_text(out)
    if status:
        return name, f'status {status}; the input is in {work.relative_to(TOP)}', '', out
    edges = re.findall(r'\bcov: (\d+)', out)
    runs = re.findall(r'number_of_executed_units: (\d+)', out)
    if not edges or not runs:
        return name, 'no edges counted', '', out
    return name, None, f'{edges[-1]} edges covered in {runs[-1]} runs', out


def stage_fuzz(results):
    """clang with libFuzzer and sanitizers; every corpus replayed, every target run."""
    if not build(results, 'build-fuzz', 'clang',
                 ['-Dfuzz=true', '-Db_sanitize=address,undefined', '-Db_lundef=false']):
        return
    targets = sorted(p for p in (TOP / 'build-fuzz' / 'tests').rglob('fuzz_*')
                     if p.is_file() and os.access(p, os.X_OK))
    corpora = TOP / 'tests' / 'fuzz' / 'corpus'
    names = {target.name for target in targets}
    for corpus in sorted(corpora.iterdir()) if corpora.is_dir() else []:
        if corpus.name not in names:
            results.failed(corpus.name, 'corpus of no target')
    with concurrent.futures.ThreadPoolExecutor(CPUS) as pool:
        for name, wrong, detail, log in pool.map(fuzz_target, targets):
            # The Meson test that replays the corpus has the bare name.
            if wrong:
                results.failed(f'{name} (fuzzing)', wrong, log)
            else:
                results.passed(f'{name} (fuzzing)', detail)


def stage_release(results):
    """gcc as users build it: the optimizer sees mistakes that sanitizers' builds hide."""
    build(results, 'build', 'gcc', ['-Dbuildtype=release'])


def stage_style(results):
    """Layout, licence lines, white space, man pages."""
    status, out = run([sys.executable, 'scripts/check-style'], 300)
    complaints, judged = [], 0
    for line in out.splitlines():
        match = re.fullmatch(r'(PASS|FAIL|SKIP) ([a-z-]+)(?:: (.*))?', line)
        if not match:
            complaints.append(line)
            continue
        verdict, name, cause = match.groups()
        judged += 1
        if verdict == 'PASS':
            results.passed(name)
        elif verdict == 'SKIP':
            results.skipped(name, cause)
        else:
            results.failed(name, 'style', '\n'.join(complaints))
        complaints = []
    if not judged:
        results.failed('check-style', f'status {status}', out)


def stage_peers(results):
    """The tree of peers. Nothing to count: tests that want one skip or fail by themselves."""
    if os.geteuid() != 0:
        status, out = run(['scripts/peers', '--path'], 60)
        out = out or 'none, and making it needs root'
    else:
        status, out = run(['scripts/peers'], 15 * 60)
    print(out.strip().splitlines()[-1] if not status or not out.count('\n') > 1 else out.strip())


STAGES = {'peers': stage_peers, 'style': stage_style, 'release': stage_release,
          'tests': stage_tests, 'fuzz': stage_fuzz}


def main():
    parser = argparse.ArgumentParser(description='build, test, fuzz and check everything')
    parser.add_argument('--skips', type=pathlib.Path)
    parser.add_argument('--only', action='append', choices=STAGES)
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True, errors='replace')

    results = Results(read_skips(args.skips) if args.skips else None)
    began = time.monotonic()
    for name, stage in STAGES.items():
        if args.only and name not in args.only:
            continue
        print(f'== {name}: {stage.__doc__.splitlines()[0]}')
        start = time.monotonic()
        try:
            stage(results)
        except Exception as error:  # the closing line comes whatever happens
            results.failed(f'stage {name}', f'{type(error).__name__}: {error}')
        print(f'-- {name}: {time.monotonic() - start:.0f} s')
    print(f'-- all: {time.monotonic() - began:.0f} s')
    print(results.closing_line())
    sys.exit(1 if results.counts['failed'] else 0)


if __name__ == '__main__':
    main()
