"""The goals, one function a group. Each yields rows: (goal, what, unit, value, limit, moonshot, note).

`value` None means that it was not measured; then the note says why. `limit` is the most that is fine, or the least
where `at_least` is set.
"""
import contextlib
import os
import re
import signal
import socket
import statistics
import subprocess
import time

import kit
from kit import Absent, ask, command_load, load, median, metric, ratio, rounds


class Row:
    def __init__(self, goal, what, value, limit, moonshot='', unit='', note='', at_least=False, taken=''):
        self.goal, self.what, self.value, self.limit, self.moonshot = goal, what, value, limit, moonshot
        self.unit, self.note, self.at_least, self.taken = unit, taken + note, at_least, bool(taken)

    @property
    def reached(self):
        if self.value is None or self.taken:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


class Size:
    """How much of it: the whole is below 15 minutes, the quick one below two."""

    def __init__(self, quick):
        self.quick = quick
        self.rounds = 1 if quick else 5
        self.seconds = 0.4 if quick else 0.8
        self.warm = 0.15 if quick else 0.25
        self.loads = ((64, 0),) if quick else ((64, 0), (64, 5000), (1000, 0), (1000, 5000))
        self.rates = (4000, 8000, 12000) if quick else (2000, 4000, 8000, 12000, 16000, 20000, 25000)
        self.open_seconds = 1.5 if quick else 2.5
        self.flights = (3000,) if quick else (3000, 9000)


@contextlib.contextmanager
def servers():
    try:
        yield
    finally:
        kit.stop_all()


def present(makers, skipped):
    """[(name, server)] of those that are on this machine."""
    out = []
    for name, make in makers:
        try:
            out.append((name, make()))
        except Absent as absent:
            skipped[name] = str(absent)
    return out


# --- G1, G3: answers that need no platform ---

def static_answers(size, pictures, skipped):
    fields = ['Authorization: Bearer ' + kit.KEY]
    live, projects = {}, {'path': '/api/projects', 'fields': fields}
    for connections in (64,) if size.quick else (64, 1000):
        with servers():
            up = kit.platform()
            keys = {'API_KEYS': kit.KEY}
            plain, logging = kit.ours(kit.MANY, up), kit.ours(kit.MANY, up, access=True)
            # One key asks for all; its limit is counted as always, and never reached.
            unlimited = ['limits.per_key=1000000', 'limits.burst=1000000']
            cached = kit.ours(kit.MANY + unlimited, up, auth='keys', env=keys)
            for _ in range(2):
                status, _, answer = ask(cached.port, path='/api/projects', headers={'Authorization': 'Bearer ' + kit.KEY})
            if status != 200 or 'hit' not in (answer.getheader('Cache-Status') or ''):
                raise RuntimeError('GET /api/projects is not answered from the cache')
            _, body, answer = ask(plain.port)
            head = ''.join(f'{name}: {value}\r\n' for name, value in answer.getheaders())
            floor = kit.raw(f'HTTP/1.1 200 OK\r\n{head}\r\n{body.decode()}')
            variants = [('raw', (floor, live)), ('ours', (plain, live)), ('ours, access log', (logging, live)), ('cached', (cached, projects))]
            variants += present([('nginx', lambda: (kit.nginx_return(body.decode()), live))], skipped)
            done = rounds(variants, size.rounds, lambda v, tag: load(v[0], connections, size.seconds, size.warm, tag=tag, **v[1]),
                          f'static {connections}')
        for name, results in done.items():
            if any(r['ok'] < r['answered'] for r in results if r):
                raise RuntimeError(f'{name}: an answer was no success')
        nginx = ratio(done, 'nginx', 'raw')
        note = f'nginx {nginx:.2f}' if nginx else 'nginx: ' + skipped.get('nginx', 'no figure')
        of = f', {connections} connections'
        yield Row('G1', '/health/live ÷ raw epoll' + of, ratio(done, 'ours', 'raw'), 1.25, 1.1, note=note)
        yield Row('G1', 'the same with access log' + of, ratio(done, 'ours, access log', 'raw'), 1.5, 1.3)
        yield Row('G3', 'cached GET with key ÷ /health/live' + of, ratio(done, 'cached', 'ours'), 1.15, 1.05)


# --- G2: a command ---

def commands(size, pictures, skipped):
    for connections, delay in size.loads:
        with servers():
            makers = [('nginx', kit.nginx_pass), ('nginx+Lua', kit.nginx_lua), ('HAProxy', kit.haproxy), ('Node', kit.node),
                      ('ours', lambda up: kit.ours(kit.MANY, up))]
            variants = present([(name, lambda make=make: make(kit.platform(delay))) for name, make in makers], skipped)
            done = rounds(variants, size.rounds, lambda v, tag: command_load(v, connections, size.seconds, warm=size.warm, tag=tag),
                          f'command {connections} {delay}')
        for name, results in done.items():
            pictures['cpu'].setdefault(name, {})[(connections, delay)] = median(results, lambda r: r['cpu_us'])
        of = f', {connections} connections, {delay // 1000} ms'
        for base, title, limit, moonshot in (('nginx', 'nginx proxy_pass', 1.8, 1.4), ('nginx+Lua', 'nginx+Lua, same work', 0.8, 0.6),
                                             ('Node', 'Node', 0.3, 0.25)):
            cpu = median(done['ours'], lambda r: r['cpu_us'])
            note = skipped.get(base, '') if base in skipped else f'ours {cpu:.0f} µs'
            yield Row('G2', f'command ÷ {title}{of}', ratio(done, 'ours', base), limit, moonshot, note=note,
                      taken=kit.too_few(done['ours'], connections))


def commands_tls(size, pictures, skipped):
    folder = kit.scratch
    made = subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout',
                           f'{folder}/key.pem', '-out', f'{folder}/cert.pem', '-days', '2', '-subj', '/CN=localhost', '-addext',
                           'subjectAltName=DNS:localhost,IP:127.0.0.1'], capture_output=True)
    if made.returncode != 0:
        yield Row('G2', 'command over TLS ÷ nginx https', None, 1.6, 1.3, note='openssl cannot make a certificate')
        return
    os.chmod(f'{folder}/key.pem', 0o644)

    def tls_platform():
        certificate = f'ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;'
        location = certificate + ' location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }'
        return kit.nginx(location, kit.UPSTREAM.format(port=kit.platform().port), core=kit.LOAD_CORE, listen='ssl')

    with servers():
        verify = f'proxy_ssl_verify on; proxy_ssl_trusted_certificate {folder}/cert.pem; proxy_ssl_name localhost; proxy_ssl_session_reuse on;'
        variants = present([('nginx', lambda: kit.nginx_pass(tls_platform(), verify)),
                            ('ours', lambda: kit.ours(kit.MANY + [f'upstream.ca_file={folder}/cert.pem'],
                                                      base_url=f'https://localhost:{tls_platform().port}/api'))], skipped)
        done = rounds(variants, size.rounds, lambda v, tag: command_load(v, 64, size.seconds, warm=size.warm, tag=tag), 'command tls')
    yield Row('G2', 'command over TLS ÷ nginx https, 64 connections', ratio(done, 'ours', 'nginx'), 1.6, 1.3, note=skipped.get('nginx', ''))


# --- G4: a slow platform ---

def p95(result):
    return result['latency_ms']['p95']


def load_direct(server, connections, seconds, **more):
    return load(server, connections, seconds, path='/api/teststeps', body=kit.COMMAND, ids=kit.IDS, **more)


def highest_rate(size, pictures, skipped):
    makers = [('ours', lambda up: kit.ours(kit.MANY, up)), ('direct', lambda up: up), ('nginx+Lua', kit.nginx_lua), ('Node', kit.node)]
    n_rounds = {'ours': size.rounds if size.quick else 3, 'direct': 1, 'nginx+Lua': 1, 'Node': 1}
    seen = {name: {} for name, _ in makers}
    for name, make in makers:
        for i in range(n_rounds[name]):
            for rate in size.rates:
                with servers():
                    try:
                        server = make(kit.platform(50000))
                    except Absent as absent:
                        skipped[name] = str(absent)
                        break
                    ask_for = load_direct if name == 'direct' else command_load
                    result = ask_for(server, min(16000, max(1000, rate // 4)), size.open_seconds, warm=1, rate=rate,
                                     tag={'row': 'rate', 'variant': name, 'round': i})
                if result is None:
                    break
                seen[name].setdefault(rate, []).append(result)
                if p95(result) > 500 and (result['busy'] > 0.9 or result['waited'] > 0.2):
                    break  # beyond its end, or no core to be had; higher rates only take time
    for name, rates in seen.items():
        if name == 'direct':
            continue
        pictures['latency'][name] = [(rate, median(results, lambda r: r['latency_ms']['p50']), median(results, p95)) for rate, results in
                                     sorted(rates.items())]

    def holds(results):
        return median(results, p95) <= 52 and median(results, lambda r: r['ok'] / max(1, r['due'])) > 0.999

    best, direct = (max([rate for rate, results in seen[name].items() if holds(results)], default=0) for name in ('ours', 'direct'))
    late = max((median(results, lambda r: r['generator_late_ms']['p99']) for results in seen['ours'].values()), default=0)
    busy = kit.taken([r for results in seen['ours'].values() for r in results])
    yield Row('G4', '50 ms platform: highest rate with p95 ≤ 52 ms', best, 20000, 25000, '/s', at_least=True, taken=busy,
              note=f'rates tried: {", ".join(map(str, sorted(seen["ours"])))}; without a proxy generator and platform, which share a core, '
                   f'hold it up to {direct:,}/s; generator late by {late:.1f} ms at most (p99)')


def many_in_flight(size, pictures, skipped):
    cpu = {}
    for flight in size.flights:
        active = f'upstream.max_active={max(4096, flight * 5 // 4)}'
        sets = [s for s in kit.MANY if not s.startswith('upstream.max_active')] + [active]
        done = {'direct': [], 'ours': []}
        try:
            for i in range(min(3, size.rounds)):
                for name in ('direct', 'ours') if i % 2 == 0 else ('ours', 'direct'):
                    with servers():
                        up = kit.platform(1000000)
                        tag = {'row': f'in flight {flight}', 'variant': name, 'round': i}
                        server = up if name == 'direct' else kit.ours(sets, up)
                        run = {'seconds': size.open_seconds, 'warm': 1.5, 'rate': flight, 'tag': tag}
                        clients = min(flight * 13 // 10, 9900)  # with as many calls below the 20,000 descriptors of a process
                        done[name].append((load_direct if name == 'direct' else command_load)(server, clients, **run))
        except RuntimeError:
            yield Row('G4', f'{flight} in flight: p95 ÷ direct', None, 1.05, 1.01, note=f'the program refuses {active}')
            continue
        good = median(done['ours'], lambda r: r['ok'] / max(1, r['due']))
        yield Row('G4', f'{flight} in flight (1,000 ms platform): p95 ÷ direct', ratio(done, 'ours', 'direct', p95), 1.05, 1.01,
                  # The kernel's threads that deliver what comes on 18,000 connections work on this core, too.
                  taken=kit.taken(done['ours'] + done['direct'], most=0.1),
                  note=f'{100 * good:.1f} % answered 2xx; core {100 * median(done["ours"], lambda r: r["busy"]):.0f} % busy')
        cpu[flight] = [r['cpu_us'] for r in done['ours'] if r]
    few, p50 = [], 0
    for i in range(min(3, size.rounds)):
        with servers():
            result = command_load(kit.ours(kit.MANY, kit.platform(64000000 // 3000)), 512, size.open_seconds, warm=1, rate=3000,
                                  tag={'row': 'in flight 64', 'variant': 'ours', 'round': i})
        few += [result['cpu_us']] if result else []
        p50 = result['latency_ms']['p50'] if result else p50
    slow = f'no figure of the program: at 3,000/s commands of a 21 ms platform took {p50:.0f} ms, so more than 64 were in flight; ' if p50 > 60 else ''
    value = statistics.median(cpu[3000]) / statistics.median(few) if few and cpu.get(3000) else None
    yield Row('G4', 'CPU per command: 3,000 in flight ÷ 64, both at 3,000/s', value, 1.3, 1.1, taken=slow)


# --- G5, G6, G7: memory and start ---

def hold(server, n, request):
    """n connections, each with one request answered."""
    held = []
    for _ in range(n):
        s = socket.create_connection(('127.0.0.1', server.port))
        s.sendall(request)
        held.append(s)
        if len(held) % 100 == 0:
            for one in held[-100:]:
                one.recv(65536)
    return held


def memory(size, pictures, skipped):
    n = 2000 if size.quick else 10000
    request = b'GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
    bytes_each = {}
    for name, make in (('ours', lambda: kit.ours(['http.max_connections=20000'])), ('nginx', lambda: kit.nginx_return('ok'))):
        with servers():
            try:
                server = make()
            except Absent as absent:
                skipped[name] = str(absent)
                continue
            for s in hold(server, 100, request):
                s.close()
            before = kit.anonymous_kib(server)
            held = hold(server, n, request)
            bytes_each[name] = (kit.anonymous_kib(server) - before) * 1024 / n
            for s in held:
                s.close()
        kit.records.append({'row': 'idle connections', 'variant': name, 'n': n, 'bytes': bytes_each[name]})
    yield Row('G5', f'bytes of an idle keep-alive connection ({n:,} held)', bytes_each['ours'], 768, 512, ' B',
              note=f'nginx {bytes_each["nginx"]:.0f}' if 'nginx' in bytes_each else skipped['nginx'])
    yield sessions(10000 if size.quick else 100000)
    yield from start_up(5 if size.quick else 21)


def make_sessions(server, n):
    """True: n sessions were made. And what the generator said."""
    command = ['taskset', '-c', kit.LOAD_CORE, kit.tool('virtuoso-proxy'), 'load', '-r', '1000000', '-n', str(n), '-c', '16', '-t', '600s',
               '-o', 'json', '-b', '{"name":"session {id}","checkpoint_id":1680930}', '--ids', f'1-{n}',
               f'http://127.0.0.1:{server.port}/api/v1/sessions']
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return '"201":' + str(n) in done.stdout, done.stdout[:200]


def sessions(n):
    """The ring of the last 4,096 events (2 MiB, the same for every kind of them) is full before, so it is not taken for sessions."""
    with servers():
        server = kit.ours(['sessions.max_active=200000'])
        make_sessions(server, 5000)
        before = kit.anonymous_kib(server)
        made, said = make_sessions(server, n)
        mib = (kit.anonymous_kib(server) - before) / 1024
    kit.records.append({'row': 'sessions', 'n': n, 'mib': mib})
    if not made:
        return Row('G6', f'{n:,} sessions', None, 26, 20, ' MiB', note='not all were made: ' + said)
    return Row('G6', f'{n:,} sessions', mib, 26 * n / 100000, 20 * n / 100000, ' MiB')


def start_up(n):
    command = [kit.tool('virtuoso-proxy'), 'serve', '--listen', '127.0.0.1:0', '--set', 'auth.mode=none', '--set', 'drain.notice_ms=0']
    environment = dict(os.environ, VIRTUOSO_API_TOKEN='bench-token-0123456789')
    took, at_rest, waited = [], [], []
    for _ in range(n):
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True)
        server = kit.Server(process, None)
        kit.running.append(server)
        if 'listening on' not in process.stdout.readline():
            raise RuntimeError('does not start: ' + ' '.join(command))
        took.append((time.perf_counter() - began) * 1e3)
        waited.append(kit.waited_ns(server) / 1e6 / took[-1])
        at_rest.append(kit.anonymous_kib(server) / 1024)
        kit.stop(server)
    kit.records.append({'row': 'start', 'ms': took, 'anonymous_mib': at_rest, 'waited': waited})
    share = statistics.median(waited)
    busy = f'no figure of the program: it waited {100 * share:.0f} % of the time for its core; ' if share > 0.05 else ''
    yield Row('G7', f'ready after exec (median of {n})', statistics.median(took), 8, 5, ' ms', note=f'fastest {min(took):.1f}', taken=busy)
    yield Row('G7', 'anonymous memory at rest', statistics.median(at_rest), 2, '', ' MiB')
