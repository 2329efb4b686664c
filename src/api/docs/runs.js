// The page /ui/runs: the test runs of whoever has the key, live. The key stays in a variable: it is never stored, and
// never part of an address. What comes from the server becomes text, never markup.
'use strict';
(() => {
  const ROOT = new URL('../', document.currentScript.src), EVERY_MS = 4000, PAGE = 50, MAX_STREAMS = 4;
  const state = document.getElementById('state'), form = document.getElementById('key'), list = document.getElementById('runs');
  const cards = new Map(); // by the id of the run
  let key = '', limit = PAGE, timer = 0, more = null;

  /* ---- asking ---- */

  function ask(path, options = {}) {
    const headers = Object.assign({ Accept: 'application/json' }, key ? { 'X-API-Key': key } : {}, options.headers);
    return fetch(new URL(path, ROOT), Object.assign({ cache: 'no-store', redirect: 'error' }, options, { headers }));
  }

  async function json(path, options) {
    const answer = await ask(path, Object.assign({ signal: AbortSignal.timeout(30000) }, options));
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) return body;
    throw Object.assign(new Error(body.detail || `the server answers ${answer.status}`), { status: answer.status });
  }

  // Events of a run until it is over; a stream that breaks goes on where it was.
  async function* events(id, signal) {
    let last = '';
    while (!signal.aborted) {
      try {
        const headers = Object.assign({ Accept: 'text/event-stream' }, last ? { 'Last-Event-ID': last } : {});
        const answer = await ask(`api/v1/tests/runs/${encodeURIComponent(id)}/events`, { headers, signal });
        if (answer.status === 204) return;
        if (answer.status === 401 || answer.status === 403 || answer.status === 404) return;
        if (answer.ok) {
          for await (const event of eventsOf(answer.body.getReader())) {
            last = event.id || last;
            yield event;
            if (event.event === 'done') return;
          }
        }
      } catch (error) {
        if (signal.aborted) return;
      }
      await new Promise((done) => setTimeout(done, 2000));
    }
  }

  async function* eventsOf(reader) {
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const event = {};
        for (const [, name, rest] of block.matchAll(/^(\w+): ?(.*)$/gm)) event[name] = rest;
        if (event.data) yield event;
      }
    }
  }

  /* ---- drawing ---- */

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      if (attribute === 'onclick') made.addEventListener('click', value);
      else if (value !== undefined && value !== false) made.setAttribute(attribute, value === true ? '' : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  const dim = (text) => element('span', { class: 'dim' }, text);
  const badge = (word) => element('span', { class: `badge ${/^\w+$/.test(word || '') ? word.toLowerCase() : ''}` }, (word || '').replace('_', ' '));
  const seconds = (ms) => ms >= 60000 ? `${Math.floor(ms / 60000)} min ${Math.round(ms / 1000) % 60} s` : `${(ms / 1000).toFixed(1)} s`;

  function link(address, text) {
    return /^https?:\/\//.test(address || '') ? element('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, text) : null;
  }

  function say(text, isTrouble) {
    if (state.textContent !== text) state.textContent = text;
    state.className = isTrouble ? 'state trouble' : 'state dim';
  }

  function stepLine(step) {
    const failed = step.status === 'failed' || step.outcome === 'FAIL' || step.outcome === 'ERROR';
    const word = failed ? 'failed' : step.outcome ? step.outcome.toLowerCase().replace(/^pass$/, 'passed') : step.status;
    const reason = step.reason || (step.error && step.error.detail);
    return element('li', {}, badge(word), ' ', step.text || step.command || '', ' ', link(step.screenshot, 'screenshot'),
      reason ? element('div', { class: 'bad' }, reason) : null);
  }

  function testPart(test, steps) {
    const links = Object.entries(test.links || {}).map(([name, address]) => link(address, `${name} on the platform`)).filter(Boolean);
    const failed = (test.setup || []).filter((call) => call.error);
    const parts = [element('p', {}, badge(test.outcome ? test.outcome.toLowerCase().replace(/^pass$/, 'passed') : test.status), ' ', element('strong', {}, test.name || ''))];
    for (const call of failed) parts.push(element('p', { class: 'bad' }, `${call.call}: ${call.error.detail}`));
    parts.push(steps);
    if (links.length) parts.push(element('p', { class: 'tools' }, ...links));
    return element('section', {}, ...parts);
  }

  // The snapshot that an execution of the run was made of; several goals have no common one.
  function goalOf(run) {
    const goals = new Set((run.tests || []).map((test) => `${test.goal_id}/${test.snapshot_id}`));
    const test = (run.tests || [])[0];
    return goals.size === 1 && test.goal_id && test.snapshot_id ? test : null;
  }

  /* ---- a run ---- */

  class Card {
    constructor(run) {
      this.summary = element('summary');
      this.body = element('div');
      this.root = element('details', { class: 'run' }, this.summary, this.body);
      this.root.addEventListener('toggle', () => this.toggle());
      this.show(run);
    }

    show(run) {
      const steps = run.steps || {};
      const wasOver = this.run && this.run.ended_at;
      this.run = Object.assign(this.run || {}, run);
      this.summary.replaceChildren(badge(run.status), element('strong', {}, run.name || run.id),
        dim(`${steps.done || 0} of ${steps.total || 0} steps${steps.failed ? `, ${steps.failed} failed` : ''} · ` +
          `${new Date(run.created_at).toLocaleString()}${run.duration_ms ? ` · ${seconds(run.duration_ms)}` : ''}`));
      if (this.root.open && run.ended_at && !wasOver && !this.watch) this.load();
    }

    toggle() {
      if (this.root.open) this.load();
      else this.stopWatching();
    }

    stopWatching() {
      if (this.watch) this.watch.abort();
      this.watch = null;
    }

    async load() {
      try {
        const run = await json(`api/v1/tests/runs/${encodeURIComponent(this.run.id)}`);
        this.show(run);
        this.draw(run);
        if (!run.ended_at && this.root.open && !this.watch) this.follow();
      } catch (error) {
        this.body.replaceChildren(element('p', { class: 'bad' }, error.message));
      }
    }

    draw(run) {
      this.lines = new Map();
      const parts = (run.tests || []).map((test, at) => testPart(test, element('ol', {}, ...(test.steps || []).map((step) => {
        const line = stepLine(step);
        this.lines.set(`${at + 1}/${step.index}`, line);
        return line;
      }))));
      if (run.error) parts.unshift(element('p', { class: 'bad' }, run.error.detail));
      for (const one of (run.executions || []).filter((execution) => execution.job_id)) {
        parts.push(element('p', {}, `Execution ${one.job_id}: `, badge((one.outcome || one.status || '').toLowerCase()), ' ',
          dim(one.duration_ms ? seconds(one.duration_ms) : ''), ' ', link(one.link || one.url, 'on the platform')));
      }
      this.body.replaceChildren(...parts, this.tools(run));
    }

    tools(run) {
      const told = dim('');
      const button = (text, act) => element('button', { type: 'button', onclick: async (click) => {
        click.target.disabled = true;
        try {
          await act(told);
        } catch (error) {
          told.textContent = error.message;
        }
        click.target.disabled = false;
      } }, text);
      const goal = run.ended_at ? goalOf(run) : null;
      return element('div', { class: 'tools' },
        run.ended_at ? null : button('Stop', async () => this.show(await json(`api/v1/tests/runs/${encodeURIComponent(run.id)}`, { method: 'DELETE' }))),
        goal ? button('Execute again', (out) => this.executeAgain(goal, out)) : null, told);
    }

    async executeAgain(goal, told) {
      const path = `api/goals/${encodeURIComponent(goal.goal_id)}/snapshots/${encodeURIComponent(goal.snapshot_id)}/execute`;
      const { jobId } = await json(path, { method: 'POST' });
      for (;;) {
        const now = await json(`api/executions/${encodeURIComponent(jobId)}`);
        const word = now.outcome || now.status || '';
        told.textContent = `Execution ${jobId}: ${word.toLowerCase()}`;
        if (/finish|complet|fail|cancel|pass|error/i.test(now.status || '')) return;
        await new Promise((done) => setTimeout(done, 2000));
      }
    }

    async follow() {
      if ([...cards.values()].filter((card) => card.watch).length >= MAX_STREAMS) return; // the list still tells how far it is
      const watch = this.watch = new AbortController();
      for await (const event of events(this.run.id, watch.signal)) {
        const data = JSON.parse(event.data);
        if (event.event === 'step') this.take(data);
        if (event.event === 'done') this.show(data);
      }
      if (this.watch !== watch) return;
      this.watch = null;
      await this.load();
    }

    take({ test, step }) {
      const line = this.lines && this.lines.get(`${test}/${step.index}`);
      if (!line) return;
      const now = stepLine(step);
      line.replaceWith(now);
      this.lines.set(`${test}/${step.index}`, now);
    }
  }

  /* ---- the list ---- */

  function drawList({ runs, total }) {
    const ids = new Set(runs.map((run) => run.id));
    for (const [id, card] of cards) {
      if (!ids.has(id)) {
        card.stopWatching();
        card.root.remove();
        cards.delete(id);
      }
    }
    runs.forEach((run, at) => {
      const card = cards.get(run.id) || new Card(run);
      if (cards.has(run.id)) card.show(run);
      cards.set(run.id, card);
      if (list.children[at] !== card.root) list.insertBefore(card.root, list.children[at] || null);
    });
    if (more) more.remove();
    more = null;
    if (total > runs.length && limit < 200) {
      more = element('button', { type: 'button', onclick: () => { limit = Math.min(200, limit + PAGE); refresh(); } }, 'Show older ones');
      list.append(more);
    }
    say(total === 0 ? 'There are no test runs of yours. Begin one with POST /api/v1/tests/run, or virtuoso-proxy run.'
      : `${total} test run${total === 1 ? '' : 's'}, the newest first.`, false);
  }

  function forget() {
    cards.forEach((card) => card.stopWatching());
    cards.clear();
    list.replaceChildren();
    more = null;
  }

  async function refresh() {
    clearTimeout(timer);
    try {
      if (!document.hidden || cards.size === 0) drawList(await json(`api/v1/tests/runs?limit=${limit}`));
      form.hidden = true;
    } catch (error) {
      if (error.status === 401 || error.status === 403) {
        const given = key !== '';
        key = '';
        forget();
        form.hidden = false;
        form.querySelector('input').focus();
        say(given ? error.message : 'Your API key, please.', given);
        return;
      }
      say(`The runs cannot be read: ${error.message}. Waiting.`, true);
    }
    timer = setTimeout(refresh, EVERY_MS);
  }

  form.addEventListener('submit', (event) => {
    const input = form.querySelector('input');
    event.preventDefault();
    key = input.value.trim();
    input.value = '';
    refresh();
  });

  refresh();
})();
