// The page /ui: plots of /metrics, read every two seconds. What a figure means is as in conf/prometheus/rules.yaml:
// probes, reads of the metrics and event streams count for no figure of requests.
'use strict';
(() => {
  const EVERY_MS = 2000, KEPT = 150, FIRST = 30, PREFIX = 'virtuoso_proxy_';
  const METRICS = new URL('../metrics', document.currentScript.src);
  const NO_TRAFFIC = /^\/health|^\/livez$|^\/readyz$|^\/metrics$|\/events$/;
  const SVG = 'http://www.w3.org/2000/svg';

  /* ---- reading ---- */

  // [{name, labels, value}]; the names of families that are there, with series or without.
  function parse(text) {
    const samples = new Map(), families = new Set();
    for (const line of text.split('\n')) {
      if (line.startsWith('# TYPE ')) families.add(line.split(' ')[2]);
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*?)\})? (\S+)/.exec(line);
      if (!match) continue;
      const labels = {};
      for (const [, key, value] of (match[2] || '').matchAll(/(\w+)="([^"]*)"/g)) labels[key] = value;
      if (!samples.has(match[1])) samples.set(match[1], []);
      samples.get(match[1]).push({ labels, value: Number(match[3]) });
    }
    return { samples, families, at: performance.now() / 1000 };
  }

  const all = () => true;
  const traffic = (labels) => !NO_TRAFFIC.test(labels.http_route || '');
  const errors = (labels) => traffic(labels) && labels.code === '5xx';
  const failed = (labels) => !['ok', 'cancelled'].includes(labels.result) || labels.code === '5xx';

  function sum(read, name, takes = all) {
    return (read.samples.get(name) || []).reduce((n, sample) => n + (takes(sample.labels) ? sample.value : 0), 0);
  }

  function buckets(read, name, takes) {
    const out = new Map();
    for (const { labels, value } of read.samples.get(`${name}_bucket`) || []) {
      const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
      if (takes(labels)) out.set(bound, (out.get(bound) || 0) + value);
    }
    return out;
  }

  /* ---- figures ---- */

  // Another process answers now: its counters began at 0.
  const isAnew = (before, now) =>
    Math.abs(sum(before, 'process_start_time_seconds') - sum(now, 'process_start_time_seconds')) > 1;

  function figuresOf(before, now) {
    const anew = isAnew(before, now), seconds = now.at - before.at;
    const level = (name) => now.families.has(name) ? sum(now, name) : NaN;
    const grown = (name, takes) => Math.max(0, sum(now, name, takes) - (anew ? 0 : sum(before, name, takes)));
    const rate = (name, takes) => grown(name, takes) / seconds;
    const share = (part, whole) => whole > 0 ? part * 100 / whole : NaN;
    function quantile(name, q, takes = all) {
      const from = anew ? new Map() : buckets(before, name, takes);
      const rows = [...buckets(now, name, takes)].sort((a, b) => a[0] - b[0])
        .map(([bound, n]) => [bound, n - (from.get(bound) || 0)]);
      const wanted = rows.length ? q * rows[rows.length - 1][1] : 0;
      let begin = 0, below = 0;
      if (wanted <= 0) return NaN;
      for (const [bound, n] of rows) {
        if (n >= wanted) return (bound === Infinity ? begin : begin + (bound - begin) * (wanted - below) / (n - below)) * 1000;
        [begin, below] = [bound, n];
      }
      return NaN;
    }
    const requests = `${PREFIX}http_requests_total`, calls = `${PREFIX}upstream_calls_total`;
    const took = 'http_server_request_duration_seconds';
    return {
      rate: rate(requests, traffic),
      errors: share(grown(requests, errors), grown(requests, traffic)),
      p50: quantile(took, 0.5, traffic), p95: quantile(took, 0.95, traffic), p99: quantile(took, 0.99, traffic),
      queue: level(`${PREFIX}upstream_queue_length`), active: level(`${PREFIX}upstream_active`),
      limit: level(`${PREFIX}upstream_limit`), wait: quantile(`${PREFIX}upstream_queue_wait_seconds`, 0.95),
      connections: level(`${PREFIX}connections`), platformConnections: level(`${PREFIX}upstream_connections`),
      calls: rate(calls), callsFailed: rate(calls, failed),
      callsP95: quantile('http_client_request_duration_seconds', 0.95),
      lanes: level(`${PREFIX}lanes_active`), laneWaiting: level(`${PREFIX}lane_waiting`),
      runs: level(`${PREFIX}test_runs_active`), sessions: level(`${PREFIX}sessions`),
      watchers: level(`${PREFIX}event_watchers`),
      limited: rate(`${PREFIX}rate_limited_total`), shed: rate(`${PREFIX}upstream_shed_total`),
      cpu: share(grown('process_cpu_seconds_total'), level(`${PREFIX}cpu_limit_cores`) * seconds),
      memory: share(level('process_resident_memory_bytes'), level(`${PREFIX}memory_limit_bytes`)),
    };
  }

  function troubleOf(before, now) {
    if (sum(now, `${PREFIX}draining`) > 0) return 'The proxy drains: it will end soon.';
    if (sum(now, `${PREFIX}upstream_breaker_open`) > 0) return 'The platform is away: only probes are sent to it.';
    if (!isAnew(before, now) && sum(now, `${PREFIX}upstream_token_refused_total`) > sum(before, `${PREFIX}upstream_token_refused_total`)) {
      return 'The platform refuses the stored token (401).';
    }
    if (sum(now, `${PREFIX}config_last_reload_successful`) === 0) {
      return 'The configuration was refused when it was last read; the one before is in force.';
    }
    return '';
  }

  /* ---- plots ---- */

  // A plot is a row: title, unit, lines [figure, what it is], and the target and the alert of its first line.
  const PLOTS = [
    ['Requests', '/s', [['rate', 'answered']]],
    ['Errors', '%', [['errors', 'answers with 5xx']], 1, 5],
    ['Latency', 'ms', [['p95', 'p95'], ['p50', 'p50'], ['p99', 'p99']], 200, 500],
    ['Platform calls', '/s', [['calls', 'all'], ['callsFailed', 'failed']]],
    ['Platform latency', 'ms', [['callsP95', 'p95']]],
    ['Calls at once', '', [['active', 'on the wire'], ['queue', 'in the queue'], ['limit', 'at most']]],
    ['Wait in the queue', 'ms', [['wait', 'p95']]],
    ['Lanes', '', [['lanes', 'checkpoints at work'], ['laneWaiting', 'steps that wait for them']]],
    ['Connections', '', [['connections', 'of clients'], ['platformConnections', 'to the platform']]],
    ['Test runs', '', [['runs', 'in progress'], ['sessions', 'sessions'], ['watchers', 'event streams']]],
    ['Turned away', '/s', [['limited', 'over a rate limit (429)'], ['shed', 'queue full']]],
    ['CPU', '%', [['cpu', 'of the cores it may use']], 60, 80],
    ['Memory', '%', [['memory', 'of its limit']], 70, 85],
  ];
  const WIDTH = 300, HEIGHT = 90;

  function shown(value, unit) {
    if (value === undefined || Number.isNaN(value)) return '–';
    const text = value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
    return unit === '' || unit === '/s' ? text + unit : `${text} ${unit}`;
  }

  function element(name, attributes, parent) {
    const made = name.startsWith('svg:') ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) key === 'text' ? made.textContent = value : made.setAttribute(key, value);
    if (parent) parent.append(made);
    return made;
  }

  function makePlot([title, unit, lines, target, alert], parent) {
    const figure = element('figure', { class: 'plot' }, parent);
    const caption = element('figcaption', {}, figure);
    element('strong', { text: title }, caption);
    const most = element('span', { class: 'dim' }, caption);
    const svg = element('svg:svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' }, figure);
    const paths = lines.map((_, i) => element('svg:path', { class: `line line${i}` }, svg));
    const legend = element('ul', { class: 'legend' }, figure);
    const values = lines.map(([, what], i) => {
      const item = element('li', {}, legend);
      element('i', { class: `key key${i}` }, item);
      element('span', { text: what }, item);
      return element('b', { text: '–' }, item);
    });
    function draw(history) {
      const last = history[history.length - 1] || {};
      const span = Math.max(FIRST, history.length);
      const top = Math.max(1e-9, ...history.flatMap((h) => lines.map(([key]) => h[key] || 0)));
      lines.forEach(([key], i) => {
        let pen = 'M';
        const path = history.map((h, n) => {
          const value = h[key];
          if (value === undefined || Number.isNaN(value)) { pen = 'M'; return ''; }
          const x = WIDTH - (history.length - 1 - n) * WIDTH / (span - 1);
          const step = `${pen}${x.toFixed(1)} ${(HEIGHT - 2 - value / top * (HEIGHT - 6)).toFixed(1)}`;
          const dot = pen === 'M' ? 'h.1' : '';
          pen = 'L';
          return step + dot;
        }).join('');
        paths[i].setAttribute('d', path);
        values[i].textContent = shown(last[key], unit);
      });
      const first = last[lines[0][0]];
      values[0].className = first >= alert ? 'bad' : first >= target ? 'warns' : '';
      most.textContent = `up to ${shown(top <= 1e-9 ? 0 : top, unit)}`;
      svg.setAttribute('aria-label', `${title}: ${lines.map(([key, what]) => `${what} ${shown(last[key], unit)}`).join(', ')}`);
    }
    return draw;
  }

  /* ---- the page ---- */

  const state = document.getElementById('state');
  const plots = PLOTS.map((row) => makePlot(row, document.getElementById('plots')));
  const history = [];
  let before = null;

  function say(text, isTrouble) {
    if (state.textContent !== text) state.textContent = text;
    state.className = isTrouble ? 'state trouble' : 'state dim';
  }

  function since(seconds) {
    const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
    return days ? `${days} d ${hours % 24} h` : hours ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
  }

  function take(now) {
    if (!now.families.has(`${PREFIX}connections`)) throw new Error('these are no metrics of virtuoso-proxy');
    const version = ((now.samples.get(`${PREFIX}build_info`) || [])[0] || { labels: {} }).labels.version;
    const up = since(Date.now() / 1000 - sum(now, 'process_start_time_seconds'));
    const trouble = before ? troubleOf(before, now) : '';
    if (before) history.push(figuresOf(before, now));
    say(trouble || `Version ${version}, up ${up}. Up to five minutes, read every two seconds.`, trouble !== '');
    before = now;
  }

  async function readOnce() {
    try {
      const answer = await fetch(METRICS, { cache: 'no-store', signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(`/metrics answers ${answer.status}`);
      take(parse(await answer.text()));
    } catch (error) {
      say(`The proxy cannot be read: ${error.message}. Waiting.`, true);
      history.push({});
      before = null;
    }
    if (history.length > KEPT) history.splice(0, history.length - KEPT);
    if (!document.hidden) plots.forEach((draw) => draw(history));
    setTimeout(readOnce, EVERY_MS);
  }

  readOnce();
})();
