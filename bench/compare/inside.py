"""Goals that look inside the program: instructions, allocations, system calls, turns of the loop, test files, overload."""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import time

import kit
from goals import Row, servers
from kit import ask, command_load, load, median, metric


# --- G8: one command, counted ---

def counts(size, pictures, skipped):
    budget = os.path.join(kit.ROOT, 'bench', 'budget', 'measure.sh')
    done = subprocess.run(['bash', budget, kit.BUILD], capture_output=True, text=True, timeout=300)
    found = dict(re.findall(r'^(\w+) (\d+(?:\.\d+)?)$', done.stdout, re.M))
    why = done.stderr.strip().split('\n')[-1] if done.returncode else ''
    kit.records.append({'row': 'counts', **{name: float(value) for name, value in found.items()}})

    def of(name):
        return float(found[name]) if name in found else None

    yield Row('G8', 'heap allocations per command, all libraries', of('allocations_per_command'), 12, 0, note=why)
    yield Row('G8', 'instructions per command, user', of('instructions_per_command'), 60000, 40000, note=why)
    yield system_calls()


COUNTED = ('read', 'recvfrom', 'write', 'writev', 'sendto', 'epoll_wait', 'epoll_ctl', 'getrandom', 'clock_gettime')


def may_count():
    """The kernel's own counters: a program that strace slows down has longer turns, and asks for its CPU time after each."""
    if shutil.which('perf') is None:
        return False
    done = subprocess.run(['perf', 'stat', '-x,', '-e', 'raw_syscalls:sys_enter', 'true'], capture_output=True, text=True)
    return done.returncode == 0 and re.match(r'\d+,', done.stderr) is not None


def counted(server, seconds):
    """System calls by name, and answers, while 64 connections ask as fast as answers come."""
    events = ['raw_syscalls:sys_enter'] + ['syscalls:sys_enter_' + name for name in COUNTED]
    counter = subprocess.Popen(['perf', 'stat', '-x,', '-p', str(server.pid)] + [x for e in events for x in ('-e', e)],
                               stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)
    result = command_load(server, 64, seconds, warm=0)
    counter.send_signal(signal.SIGINT)
    lines = [line.split(',') for line in counter.communicate()[1].splitlines()]
    counts = {cells[2].rpartition('sys_enter')[2].lstrip('_'): int(cells[0]) for cells in lines if len(cells) > 2 and cells[0].isdigit()}
    total = counts.pop('', 0)
    counts['others'] = total - sum(counts.values())
    return counts, result['answered']


def traced(server, seconds):
    """System calls by name, and answers, while 64 connections ask as fast as answers come. None: strace may not attach."""
    trace = os.path.join(kit.scratch, 'strace')
    tracer = subprocess.Popen(['strace', '-c', '-f', '-p', str(server.pid), '-o', trace], stderr=subprocess.PIPE, text=True)
    attached = tracer.stderr.readline()
    result = command_load(server, 64, seconds, warm=0)
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    if not os.path.exists(trace) or 'attached' not in attached:
        return None, attached.strip()
    with open(trace) as f:
        calls = {m.group(2): int(m.group(1)) for m in re.finditer(r'^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$', f.read(), re.M)}
    calls.pop('total', None)
    os.unlink(trace)
    return calls, result['answered']


def system_calls():
    """As with instructions, the difference of a long and a short run: what connections cost to make is no part of a command."""
    row = Row('G8', 'system calls per command, 64 connections', None, 4.2, 4)
    count = counted if may_count() else traced
    if count is traced and shutil.which('strace') is None:
        row.note = 'neither perf nor strace is installed'
        return row
    with servers():
        server = kit.ours(kit.MANY, kit.platform())
        command_load(server, 64, 0.3)
        short, n_short = count(server, 0.5)
        long, n_long = count(server, 2.5)
    if short is None or long is None:
        row.note = f'strace may not attach here: {n_short if short is None else n_long}'
        return row
    n = max(1, n_long - n_short)
    each = {name: (count - short.get(name, 0)) / n for name, count in long.items()}
    kit.records.append({'row': 'system calls', 'short': {'answered': n_short, 'calls': short}, 'long': {'answered': n_long, 'calls': long}})
    row.value = sum(each.values())
    row.note = ', '.join(f'{name} {per:.2f}' for name, per in sorted(each.items(), key=lambda x: -x[1])[:6])
    return row


# --- G9: the longest turn ---

def test_file(n):
    kinds = ['  - click: "Sign in {i}"', '  - write: {{selector: "Email {i}", text: "user{i}@example.com"}}', '  - assert: "Welcome back {i}"']
    return 'name: growth\nsteps:\n' + '\n'.join(kinds[i % 3].format(i=i) for i in range(n)) + '\n'


def heavy_requests(port, quick):
    """What keeps a server busy: long test files, batches, documents, what operators ask."""
    yaml = {'Content-Type': 'application/yaml'}
    n = 3000 if quick else 10000
    for path in ('/api/v1/tests/validate', '/api/v1/tests/compile', '/api/v1/tests/compile?to=upstream', '/api/v1/tests/compile?to=sentences',
                 '/api/v1/tests/run?dry_run=true'):
        yield path, ask(port, 'POST', path, test_file(n), yaml)[0]
    batch = json.dumps({'checkpoint_id': 1680930, 'commands': [{'command': 'step-interact click', 'args': ['Sign in'], 'position': i}
                                                              for i in range(500)]})
    yield '/api/v1/commands/batch', ask(port, 'POST', '/api/v1/commands/batch', batch, {'Content-Type': 'application/json'})[0]
    for path in ('/metrics', '/openapi.json', '/docs', '/api/v1/commands', '/health/ready', '/api/v1/sessions'):
        yield path, ask(port, path=path)[0]


def turns(size, pictures, skipped):
    name = 'virtuoso_proxy_loop_turn_cpu_seconds_max'
    with servers():
        server = kit.ours(kit.MANY + ['http.max_test_file_body=8MiB'], kit.platform())
        per_path, at_start = {}, metric(server, name)
        for path, status in heavy_requests(server.port, size.quick):
            seen = metric(server, name)
            if seen is not None:
                per_path[path] = {'status': status, 'max_so_far_ms': seen * 1e3}
        load(server, 1000, 1.0)
        large = metric(server, name)
    with servers():  # a thousand clients that all begin at once: as many connections to the platform are made
        server = kit.ours(kit.MANY, kit.platform())
        command_load(server, 1000, 1.0)
        burst = metric(server, name)
    longest = max(large, burst) if large is not None and burst is not None else large
    kit.records.append({'row': 'turns', 'at_start': at_start, 'paths': per_path, 'large': large, 'burst': burst})
    row = Row('G9', 'longest turn of the loop (CPU time)', longest * 1e3 if longest is not None else None, 5, 2, ' ms')
    if longest is None:
        row.note = f'the program does not export {name}; the instructions of a turn are in the budget test'
    else:
        worst = max(per_path.items(), key=lambda x: x[1]['max_so_far_ms'], default=('', {}))[1].get('max_so_far_ms')
        first = [path for path, seen in per_path.items() if seen['max_so_far_ms'] == worst]
        row.note = f'large requests {large * 1e3:.1f} ms, first reached by {first[0] if first else "none"}; 1,000 clients that begin at once {burst * 1e3:.1f} ms'
    yield row
    yield stall(size)
    yield scrape(size)


def scrape(size):
    """What Prometheus costs: one connection asks for the metrics of a server that has had traffic."""
    with servers():
        server = kit.ours(kit.MANY, kit.platform())
        command_load(server, 64, 0.5)
        taken = [load(server, 1, size.seconds, size.warm, settled=True, path='/metrics', tag={'row': 'scrape', 'round': i}) for i in range(size.rounds)]
    value = median(taken, lambda r: r['cpu_us'] / 1e3)
    return Row('G9', 'CPU time of a scrape of /metrics', value, 0.5, '', ' ms')


def stall(size):
    """What a neighbour feels: GET /health/live at 500/s while long files are compiled."""
    with servers():
        server = kit.ours(kit.MANY + ['http.max_test_file_body=8MiB'], kit.platform())
        command = ['taskset', '-c', kit.LOAD_CORE, kit.tool('virtuoso-proxy'), 'load', '-r', '500', '-d', '4s', '-c', '16', '-o', 'json',
                   f'http://127.0.0.1:{server.port}/health/live']
        waited = -kit.waited_ns(server)
        prober = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(2 if size.quick else 4):
            ask(server.port, 'POST', '/api/v1/tests/compile', test_file(10000), {'Content-Type': 'application/yaml'})
        result = json.loads(prober.communicate(timeout=60)[0])
        waited += kit.waited_ns(server)
    kit.records.append({'row': 'neighbour', 'latency_ms': result['latency_ms'], 'generator_late_ms': result['generator_late_ms']})
    result['waited'] = waited / 1e9 / result['seconds']
    return Row('G9', 'a neighbour waits while a file of 10,000 steps is compiled (p99)', result['latency_ms']['p99'], 10, '', ' ms',
               taken=kit.taken([result]), note=f'max {result["latency_ms"]["max"]:.1f} ms')


# --- G10: test files ---

def cpu_ms(server):
    total = 0
    for task in os.listdir(f'/proc/{server.pid}/task'):
        with open(f'/proc/{server.pid}/task/{task}/schedstat') as f:
            total += int(f.read().split()[0])
    return total / 1e6


def cpu_of(server, path, body, times):
    took = []
    for _ in range(times):
        before = cpu_ms(server)
        status, text, _ = ask(server.port, 'POST', path, body, {'Content-Type': 'application/yaml'})
        took.append((cpu_ms(server) - before, status, text))
    return statistics.median(t[0] for t in took), took[-1]


def wait_for_run(server, text, limit_s=60):
    """Until the run is over; its last state."""
    run = json.loads(text)
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        state = json.loads(ask(server.port, path=f'/api/v1/tests/runs/{run["id"]}')[1])
        if state.get('status') != 'running':
            return state
        time.sleep(0.05)
    return run


def test_files(size, pictures, skipped):
    n = 3000 if size.quick else 10000
    with servers():
        server = kit.ours(['http.max_test_file_body=8MiB'], kit.platform())
        ms, last = cpu_of(server, '/api/v1/tests/compile', test_file(n), 3 if size.quick else 5)
    kit.records.append({'row': 'compile', 'steps': n, 'cpu_ms': ms, 'status': last[1]})
    value = ms * 1e3 / n if last[1] == 200 else None
    yield Row('G10', f'compile a test file of {n:,} steps: CPU a step', value, 3, 2, ' µs', note='' if value else f'answer {last[1]}')
    yield run_file(1000 if size.quick else 3000)


def run_file(n):
    row = Row('G10', f'run a test file of {n:,} steps: CPU a step', None, 40, '', ' µs')
    with servers():
        sandbox = kit.spawn([kit.tool('virtuoso-proxy'), 'sandbox', '--listen', '127.0.0.1:0'], kit.LOAD_CORE, r'sandbox on http://127\.0\.0\.1:(\d+)')
        server = kit.ours(['http.max_test_file_body=8MiB', 'upstream.token=sandbox-token'], sandbox)
        before = cpu_ms(server)
        status, text, _ = ask(server.port, 'POST', '/api/v1/tests/run?checkpoint_id=1680930', test_file(n), {'Content-Type': 'application/yaml'})
        state = wait_for_run(server, text) if status in (200, 201, 202) else {'status': text[:200].decode()}
        ms = cpu_ms(server) - before
    kit.records.append({'row': 'run a file', 'steps': n, 'cpu_ms': ms, 'status': status, 'end': state.get('status')})
    if state.get('status') == 'created':
        row.value = ms * 1e3 / n
    row.note = f'ended as {state.get("status")}; the sandbox has a process of its own'
    return row


# --- overload ---

def overload(size, pictures, skipped):
    seconds = 6 if size.quick else 30
    with servers():
        server = kit.ours(['http.max_connections=20000'], kit.platform(50000, 100))
        over = command_load(server, 12000, seconds, warm=2, rate=8000, tag={'row': 'overload', 'variant': 'ours, 8,000/s'})
        time.sleep(1)
        after = command_load(server, 1000, 3, warm=0, rate=1000, tag={'row': 'overload', 'variant': 'ours, 1,000/s after it'})
    goodput = over['ok'] / over['seconds']
    busy = kit.taken([over])
    yield Row('overload', 'goodput ÷ 2,000/s that the platform serves, 8,000/s offered', goodput / 2000, 0.9, at_least=True, taken=busy,
              note=f'answers: {over["statuses"]}, failures: {sum(over["failures"].values())}')
    yield Row('overload', 'p99 of all answers in the overload', over['latency_ms']['p99'], 1000, '', ' ms', taken=busy, note='accepted and refused together')
    yield Row('overload', 'p99 at 1,000/s, 1 s after it', after['latency_ms']['p99'], 100, '', ' ms', taken=kit.taken([after]),
              note=f'{100 * after["ok"] / max(1, after["due"]):.2f} % 2xx')
