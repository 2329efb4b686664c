#!/usr/bin/env python3
"""Measures every goal and prints one table: run.py [--quick] [--only NAME[,NAME]] [--keep]

--keep writes bench/results/figures.jsonl, the pictures, and the table into bench/README.md.
"""
import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time

import goals
import inside
import kit
import picture

GROUPS = [('static', goals.static_answers), ('commands', goals.commands), ('tls', goals.commands_tls), ('rate', goals.highest_rate),
          ('flight', goals.many_in_flight), ('memory', goals.memory), ('counts', inside.counts), ('turns', inside.turns),
          ('files', inside.test_files), ('overload', inside.overload)]
RESULTS = os.path.join(kit.ROOT, 'bench', 'results')
README = os.path.join(kit.ROOT, 'bench', 'README.md')
BEGIN, END = '<!-- figures: written by bench/run.sh --keep -->', '<!-- end of figures -->'


def output_of(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return (done.stdout or done.stderr).strip().split('\n')[0]
    except (OSError, subprocess.SubprocessError):
        return ''


def machine():
    with open('/proc/cpuinfo') as f:
        model = re.search(r'model name\s*: (.*)', f.read())
    versions = {name: output_of(command) for name, command in (
        ('nginx', ['nginx', '-v']), ('haproxy', ['haproxy', '-v']), ('node', ['node', '--version']), ('curl', ['curl-config', '--version']))}
    cache = {}
    with open(os.path.join(kit.BUILD, 'CMakeCache.txt')) as f:
        for name, value in re.findall(r'^(CMAKE_C_COMPILER|CMAKE_BUILD_TYPE)(?::\w+)=(.*)$', f.read(), re.M):
            cache[name] = value
    flags = ''
    with open(os.path.join(kit.BUILD, 'build.ninja')) as f:
        found = re.search(r'FLAGS = (.*)', f.read())
        flags = ' '.join(w for w in found.group(1).split() if not w.startswith('-W')) if found else ''
    return {'commit': output_of(['git', '-C', kit.ROOT, 'rev-parse', '--short', 'HEAD']),
            'changed': bool(output_of(['git', '-C', kit.ROOT, 'status', '--porcelain', '--untracked-files=no', 'src', 'include'])),
            'date': time.strftime('%Y-%m-%d', time.gmtime()), 'compiler': output_of([cache['CMAKE_C_COMPILER'], '--version']),
            'build_type': cache['CMAKE_BUILD_TYPE'], 'flags': flags, 'cpu': model.group(1) if model else platform.machine(),
            'cores': len(kit.CORES), 'kernel': platform.release(), 'load_average': os.getloadavg()[0], 'versions': versions}


def shown(value, unit=''):
    if value is None:
        return '–'
    digits = f'{value:,.0f}' if abs(value) >= 100 else f'{value:.1f}' if abs(value) >= 10 else f'{value:.2f}'
    return digits + unit


def table(rows):
    lines = ['| | what | measured | goal | moonshot | | note |', '|---|---|---|---|---|---|---|']
    verdicts = {True: 'reached', False: '**not reached**', None: 'not measured'}
    for row in rows:
        sign = '≥' if row.at_least else '≤'
        moonshot = shown(row.moonshot, row.unit) if row.moonshot != '' else ''
        lines.append(f'| {row.goal} | {row.what} | {shown(row.value, row.unit)} | {sign} {shown(row.limit, row.unit)} | {moonshot} | '
                     f'{verdicts[row.reached]} | {row.note.replace("|", "/")} |')
    return '\n'.join(lines)


def keep(about, rows, pictures, skipped):
    os.makedirs(RESULTS, exist_ok=True)
    with open(os.path.join(RESULTS, 'figures.jsonl'), 'w') as f:
        for record in [{'about': about, 'skipped': skipped}] + kit.records + [
                {'goal': r.goal, 'what': r.what, 'value': r.value, 'limit': r.limit, 'reached': r.reached, 'note': r.note} for r in rows]:
            f.write(json.dumps(record, ensure_ascii=False) + '\n')
    subtitle = f'commit {about["commit"]}, {about["cpu"]}, one core'
    drawn = {'latency': picture.latency(pictures['latency'], subtitle + ', platform of 50 ms'), 'cpu': picture.cpu(pictures['cpu'], subtitle)}
    for name, svg in drawn.items():
        if svg:
            with open(os.path.join(RESULTS, name + '.svg'), 'w') as f:
                f.write(svg)
    said = ''.join(f' Skipped: {name} ({why}).' for name, why in skipped.items())
    text = (f'Commit {about["commit"]}{" with changes" if about["changed"] else ""}, {about["date"]}, {about["compiler"]}, {about["cpu"]}, '
            f'{about["cores"]} cores, load average {about["load_average"]:.1f} at the begin.{said}\n\n{table(rows)}')
    with open(README) as f:
        before, rest = f.read().split(BEGIN)
    with open(README, 'w') as f:
        f.write(f'{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--quick', action='store_true', help='one round, fewer loads: below two minutes')
    parser.add_argument('--only', default='', help='groups: ' + ', '.join(name for name, _ in GROUPS))
    parser.add_argument('--keep', action='store_true', help='write results, pictures and the table of bench/README.md')
    given = parser.parse_args()
    wanted = set(filter(None, given.only.split(',')))
    unknown = wanted - {name for name, _ in GROUPS}
    if unknown:
        parser.error('no such group: ' + ', '.join(sorted(unknown)))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    kit.prepare()
    about, size = machine(), goals.Size(given.quick)
    pictures, skipped, rows, began = {'latency': {}, 'cpu': {}}, {}, [], time.monotonic()
    try:
        for name, group in GROUPS:
            if wanted and name not in wanted:
                continue
            print(f'{time.monotonic() - began:5.0f} s  {name}', file=sys.stderr, flush=True)
            try:
                rows += list(group(size, pictures, skipped))
            except Exception as failure:  # one group that fails must not take the others with it
                rows.append(goals.Row(name, 'the whole group', None, 0, note=f'{type(failure).__name__}: {failure}'))
                kit.stop_all()
    finally:
        kit.stop_all()
    print(table(rows))
    for name, why in skipped.items():
        print(f'skipped: {name}: {why}')
    print(f'{time.monotonic() - began:.0f} s', file=sys.stderr)
    if given.keep:
        keep(about, rows, pictures, skipped)
    return 0


if __name__ == '__main__':
    sys.exit(main())
