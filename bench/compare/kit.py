"""Servers side by side: each is pinned to one core, load and platform to another; what is started is ended.

A figure is the processor time of the measured processes (/proc/PID/task/*/schedstat) over the requests of a window,
or a latency that counts from the moment when a request was due. Both come from bench_load.
"""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('BENCH_BUILD', os.path.join(ROOT, 'build', 'bench'))
STAND = os.path.join(ROOT, 'bench', 'stand')
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = str(CORES[-1]), str(CORES[0])
KEY = 'bench-key-0123456789abcdef'
MANY = ['upstream.max_active=4096', 'upstream.max_waiting=16384', 'http.max_connections=20000']
COMMAND = '{"command":"step-interact click","args":["Sign in"],"checkpoint_id":{id},"position":0}'
IDS = '1000001-1020000'  # a lane serialises one checkpoint: each command in flight has its own

scratch = tempfile.mkdtemp(prefix='bench-')
os.chmod(scratch, 0o755)
running = []
records = []  # every raw figure, for the .jsonl


class Absent(Exception):
    """What a row needs is not on this machine."""


def prepare():
    """More descriptors, and an environment that configures no proxy."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for name in list(os.environ):
        if name in ('PORT', 'HOST', 'API_KEYS', 'LOG_LEVEL', 'CORS_ORIGINS') or name.startswith('VIRTUOSO') or name.lower().endswith('_proxy'):
            del os.environ[name]


def tool(name):
    return os.path.join(BUILD, name)


def need(program):
    if shutil.which(program) is None:
        raise Absent(f'{program} is not installed')


# --- processes ---

class Server:
    def __init__(self, process, port, kids=()):
        self.process, self.port, self.kids = process, port, list(kids)
        self.per_second = None  # answers in a closed loop, once it was seen

    @property
    def pid(self):
        return self.process.pid

    @property
    def pids(self):
        return self.kids or [self.pid]


def spawn(command, core, pattern=None, env=None, log=None):
    """Starts it on `core`; with `pattern` waits for the line that tells its port."""
    out = open(log, 'w') if log else subprocess.DEVNULL
    process = subprocess.Popen(['taskset', '-c', core] + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, env=env,
                               text=True, cwd=scratch)
    server = Server(process, None)
    running.append(server)
    while pattern:
        line = process.stdout.readline()
        if line == '':
            raise RuntimeError('does not start: ' + ' '.join(command))
        match = re.search(pattern, line)
        if match:
            server.port = int(match.group(1))
            break
    return server


def stop(server, how=signal.SIGKILL):
    if server in running:
        running.remove(server)
    for pid in server.kids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    if server.process.poll() is None:
        server.process.send_signal(how)
    server.process.wait()


def stop_all():
    for server in list(running):
        stop(server)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(server):
    for _ in range(200):
        try:
            socket.create_connection(('127.0.0.1', server.port), 1).close()
            return server
        except OSError:
            if server.process.poll() is not None:
                break
            time.sleep(0.02)
    raise RuntimeError(f'nobody listens on {server.port}')


def write(name, text):
    path = os.path.join(scratch, name)
    with open(path, 'w') as f:
        f.write(text)
    return path


# --- what is compared ---

def platform(delay_us=0, limit=0):
    return spawn([tool('bench_platform'), str(delay_us), str(limit)], LOAD_CORE, r'port (\d+)')


def raw(reply):
    return spawn([tool('bench_raw'), write('reply', reply)], SERVER_CORE, r'port (\d+)')


def ours(sets=(), up=None, auth='none', access=False, base_url=None, env=None, prefix=(), core=SERVER_CORE, log=None):
    command = list(prefix) + [tool('virtuoso-proxy'), 'serve', '--listen', '127.0.0.1:0']
    if up:
        base_url = f'http://127.0.0.1:{up.port}/api'
    all_sets = [f'auth.mode={auth}', f'log.access={"true" if access else "false"}',
                f'log.level={"debug" if access else "info"}',  # probes of health are told at level debug
                'upstream.organization_id=1', 'drain.notice_ms=0']
    all_sets += [f'upstream.base_url={base_url}'] if base_url else []
    for one in all_sets + list(sets):
        command += ['--set', one]
    environment = dict(os.environ, VIRTUOSO_API_TOKEN='bench-token-0123456789', **(env or {}))
    return spawn(command, core, r'listening on http://127\.0\.0\.1:(\d+)', environment, log or os.path.join(scratch, 'ours.log'))


def nginx(location, http='', modules='', core=SERVER_CORE, listen=''):
    need('nginx')
    port = free_port()
    folder = tempfile.mkdtemp(dir=scratch)
    os.chmod(folder, 0o777)
    temps = ''.join(f'{kind}_temp_path {folder}/{kind}; ' for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    user = 'user root;' if os.geteuid() == 0 else ''
    path = write(f'nginx-{port}.conf', f'''{modules}
daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/pid; error_log {folder}/error.log warn; {user}
events {{ worker_connections 19000; multi_accept on; }}
http {{ keepalive_requests 100000000; tcp_nodelay on; {temps} {http}
server {{ listen 127.0.0.1:{port} {listen} backlog=4096; {location} }} }}''')
    server = spawn(['nginx', '-c', path, '-p', folder], core)
    server.port = port
    wait_for_port(server)
    for _ in range(200):  # the master listens before its worker is there
        with open(f'/proc/{server.pid}/task/{server.pid}/children') as f:
            server.kids = [int(pid) for pid in f.read().split()]
        if server.kids:
            return server
        time.sleep(0.02)
    raise RuntimeError('nginx has no worker')


def nginx_return(body, access='off'):
    return nginx(f"location / {{ default_type application/health+json; return 200 '{body}'; }}", f'access_log {access};')


UPSTREAM = 'access_log off; upstream up {{ server 127.0.0.1:{port}; keepalive 4096; keepalive_requests 100000000; }}'


def nginx_pass(up, tls=''):
    scheme = 'https' if tls else 'http'
    return nginx(f'location / {{ proxy_pass {scheme}://up; proxy_http_version 1.1; proxy_set_header Connection ""; {tls} }}',
                 UPSTREAM.format(port=up.port))


def nginx_lua(up):
    modules = '/usr/lib/nginx/modules'
    if not os.path.exists(f'{modules}/ngx_http_lua_module.so'):
        raise Absent('libnginx-mod-http-lua is not installed')
    if not os.path.exists('/usr/lib/x86_64-linux-gnu/lua/5.1/cjson.so'):
        raise Absent('lua-cjson is not installed')
    with open(os.path.join(STAND, 'command.lua')) as f:
        lua = f.read()
    location = '''location /up/ { internal; proxy_pass http://up/api/; proxy_http_version 1.1; proxy_set_header Connection "";
 proxy_set_header Authorization "Bearer x"; proxy_set_header Content-Type "application/json"; proxy_set_header Accept "application/json"; }
location / { client_body_buffer_size 64k; content_by_lua_block {''' + lua + '} }'
    paths = 'lua_package_path "/usr/share/lua/5.1/?.lua;;"; lua_package_cpath "/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";'
    return nginx(location, paths + UPSTREAM.format(port=up.port),
                 f'load_module {modules}/ndk_http_module.so; load_module {modules}/ngx_http_lua_module.so;')


def haproxy(up):
    need('haproxy')
    port = free_port()
    path = write(f'haproxy-{port}.cfg', f'''global
  nbthread 1
  maxconn 9000
  tune.pool-high-fd-ratio 90
  tune.pool-low-fd-ratio 80
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend f
  bind 127.0.0.1:{port} backlog 4096
  default_backend b
backend b
  server s 127.0.0.1:{up.port} maxconn 4500 pool-max-conn -1
''')
    server = spawn(['haproxy', '-db', '-f', path], SERVER_CORE)
    server.port = port
    return wait_for_port(server)


def node(up):
    need('node')
    return spawn(['node', os.path.join(STAND, 'node.js'), str(up.port)], SERVER_CORE, r'port (\d+)')


# --- asking and loading ---

def ask(port, method='GET', path='/health/live', body=None, headers=None, timeout=120):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text, answer


def settle(server, connections, seconds, warm, **what):
    """A closed loop counts from when each connection has had some answers: before that a server makes connections of its
    own. How long that takes depends on how much of the core there is, so a first window finds it out."""
    if server.per_second is None:
        first = load(server, connections, 1.0, 0, settled=True, **what)
        server.per_second = max(1.0, first['answered'] / first['seconds']) if first else 1.0
    round_s = connections / server.per_second
    return min(6.0, max(seconds, 5 * round_s)), min(3.0, max(warm, 2 * round_s))


def load(server, connections, seconds, warm=0.25, rate=0, settled=False, path='/health/live', body=None, ids=None, fields=(), tag=None):
    """One window. cpu_us is the processor time of the server for one answer."""
    if rate == 0 and not settled:
        seconds, warm = settle(server, connections, seconds, warm, path=path, body=body, ids=ids, fields=fields)
    command = ['taskset', '-c', LOAD_CORE, tool('bench_load'), '-p', str(server.port), '-c', str(connections), '-r', str(rate),
               '-s', str(int((seconds + warm) * 1000)), '-w', str(int(warm * 1000)), '-t', path, '-P', ','.join(map(str, server.pids))]
    for field in fields:
        command += ['-f', field]
    if body is not None:
        command += ['-m', 'POST', '-b', body]
        command += ['-i', ids] if ids else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + warm + 60)
    if done.returncode != 0:
        print('bench_load:', done.stderr.strip()[-300:], file=sys.stderr)
        return None
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    result = lines[0]
    result['ok'] = sum(n for status, n in result['statuses'].items() if status < '400')
    result['cpu_ns'] = sum(line['cpu_ns'] for line in lines[1:])
    result['cpu_us'] = result['cpu_ns'] / 1e3 / max(1, result['answered'])
    result['busy'] = result['cpu_ns'] / 1e9 / result['seconds'] if result['seconds'] else 0
    result['waited'] = sum(line['wait_ns'] for line in lines[1:]) / 1e9 / result['seconds'] if result['seconds'] else 0
    records.append(dict(tag or {}, load_average=os.getloadavg()[0], connections=connections, rate=rate,
                        **{k: result[k] for k in ('answered', 'ok', 'failed', 'statuses', 'seconds', 'cpu_us', 'busy', 'waited', 'latency_ms',
                                                  'generator_late_ms', 'failures')}))
    return result


def command_load(server, connections, seconds, **more):
    return load(server, connections, seconds, path='/api/v1/commands/execute', body=COMMAND, ids=IDS, **more)


def rounds(variants, n, run, row):
    """{name: [result]}: each variant once a round, in turn, the order reversed every other round. Refusals have another price
    than answers, so there may be next to none."""
    out = {name: [] for name, _ in variants}
    for i in range(n):
        for name, variant in (variants if i % 2 == 0 else variants[::-1]):
            result = run(variant, {'row': row, 'variant': name, 'round': i})
            if result and result['ok'] < 0.99 * result['answered']:
                raise RuntimeError(f'{row}: {name} refuses: {result["statuses"]}')
            out[name].append(result)
    return out


def ratio(results, name, base, key=lambda r: r['cpu_us']):
    """Median of the ratios of the rounds; None where one side has none."""
    pairs = [key(a) / key(b) for a, b in zip(results.get(name, []), results.get(base, [])) if a and b and key(b)]
    return statistics.median(pairs) if pairs else None


def median(results, key):
    values = [key(r) for r in results if r]
    return statistics.median(values) if values else None


def anonymous_kib(server):
    text = ''.join(open(f'/proc/{pid}/status').read() for pid in server.pids)
    return sum(int(kib) for kib in re.findall(r'RssAnon:\s+(\d+)', text))


def waited_ns(server):
    """How long its main thread could have run but did not get the core."""
    with open(f'/proc/{server.pid}/schedstat') as f:
        return int(f.read().split()[1])


def taken(results, most=0.05):
    """'' or why latencies and rates of these windows tell of the machine: others had the core meanwhile, for more than `most` of the time."""
    waited, late = median(results, lambda r: r['waited']), median(results, lambda r: r['generator_late_ms']['p99'])
    if waited is not None and (waited > most or late > 2):
        return f'no figure of the program: others had its core for {100 * waited:.0f} % of the time (generator late by {late:.1f} ms); '
    return ''


def too_few(results, connections):
    """'' or why a closed loop has no figure: the connections were still being made."""
    answered = median(results, lambda r: r['answered'])
    if answered is not None and answered < 4 * connections:
        return f'no figure of the program: {answered:.0f} answers for {connections:,} connections, which were still being made; '
    return ''


def metric(server, name, headers=None):
    """The sum of a metric's values; None: there is none of that name."""
    text = ask(server.port, path='/metrics', headers=headers)[1].decode()
    values = re.findall(r'^' + name + r'(?:\{[^}]*\})? (\S+)$', text, re.M)
    return sum(map(float, values)) if values else None
