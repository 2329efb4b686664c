// Holds conf/compose.yaml against what it names: files, services, the options and the command line of the program, the ports of the
// other files.
//   node check_compose.mjs ROOT BINARY
// Stands beside node_modules.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import YAML from 'yaml';

const [root, binary] = process.argv.slice(2);
const conf = join(root, 'conf');
const read = (name) => YAML.parse(readFileSync(join(conf, name), 'utf8'));
const compose = read('compose.yaml');

// What the program says, with the environment of a service; the names of the services are those of this machine.
function said(args, env = {}) {
    try {
        execFileSync(binary, args, { env, stdio: 'pipe', timeout: 60000 });
        return null;
    } catch (error) {
        return String(error.stderr ?? error);
    }
}

function* files(services) {
    for (const [name, service] of Object.entries(services)) {
        for (const volume of service.volumes ?? []) {
            const path = volume.split(':')[0];
            if (!existsSync(resolve(conf, path))) yield `${name}: there is no ${path}`;
        }
        if (service.build && !existsSync(resolve(conf, service.build, 'Dockerfile'))) yield `${name}: no Dockerfile`;
        if (!service.build && !/^[\w./-]+:[\w.-]+$/.test(service.image ?? '')) yield `${name}: an image without a version`;
        for (const other of service.depends_on ?? []) {
            if (!services[other]) yield `${name}: there is no service ${other}`;
        }
    }
}

// Hosts in addresses are services.
function* hosts(services) {
    for (const [, host] of JSON.stringify(services).matchAll(/(?:https?|redis):\/\/([\w-]+):/g)) {
        if (!services[host]) yield `${host}: no service has this name`;
    }
}

function* programs(services) {
    const wrong = said(['check'], services.proxy.environment);
    if (wrong) yield `proxy: ${wrong}`;
    const args = services.load.command.map((arg) => (arg.startsWith('http') ? 'http://127.0.0.1:1/' : arg));
    const load = said([...args, '--count=1']);
    if (!/nobody answered|refused|no answer|duration/i.test(load ?? '')) yield `load: ${load}`;
    const both = said(args.map((arg) => (arg === '--rate=50' ? '--rat=50' : arg)));
    if (!/unknown option --rat/.test(both ?? '')) yield 'selftest: an unknown option was taken';
}

function* ports(services) {
    const admin = services.proxy.environment.VIRTUOSO_PROXY_ADMIN_LISTEN.split(':')[1];
    const [target] = read('prometheus/prometheus.yaml').scrape_configs[0].static_configs[0].targets;
    if (target !== `proxy:${admin}`) yield `prometheus.yaml reads ${target}, not proxy:${admin}`;
    const otlp = read('otel-collector.yaml').receivers.otlp.protocols.http.endpoint.split(':')[1];
    if (services.proxy.environment.VIRTUOSO_PROXY_OTEL_ENDPOINT !== `http://collector:${otlp}`) yield `the collector listens on ${otlp}`;
}

// Each part that a pipeline of the collector names is described, and each that is described is named.
function* collector() {
    const config = read('otel-collector.yaml');
    for (const kind of ['receivers', 'processors', 'exporters']) {
        const named = new Set(Object.values(config.service.pipelines).flatMap((pipeline) => pipeline[kind]));
        for (const one of named) if (!(one in config[kind])) yield `otel-collector.yaml: no ${one} in ${kind}`;
        for (const one of Object.keys(config[kind])) if (!named.has(one)) yield `otel-collector.yaml: ${one} is in no pipeline`;
    }
}

// What Grafana wants of a dashboard: a name of its own, panels with numbers of their own, and in each a question to the source that
// the reader chooses, or to another source that is named.
function* dashboards(all) {
    const uids = all.map(([, board]) => board.uid);
    for (const [file, board] of all) {
        if (!board.uid || uids.filter((uid) => uid === board.uid).length > 1) yield `${file}: has no uid of its own`;
        if (!board.title || !(board.schemaVersion > 0)) yield `${file}: has no title or version`;
        const variables = (board.templating?.list ?? []).map(({ name }) => name);
        const ids = board.panels.map(({ id }) => id);
        if (new Set(ids).size !== ids.length) yield `${file}: two panels have one number`;
        for (const panel of board.panels.filter(({ type }) => type !== 'row' && type !== 'text')) {
            const asks = (panel.targets ?? []).filter(({ expr }) => expr?.length > 0);
            if (!panel.title || asks.length === 0 || asks.length !== panel.targets.length) yield `${file}: a panel asks nothing: ${panel.title}`;
            if (!panel.datasource?.uid) yield `${file}: ${panel.title} names no source`;
        }
        for (const [, name] of JSON.stringify(board).matchAll(/\$\{?([a-z]\w*)\}?/g)) {
            if (!variables.includes(name)) yield `${file}: there is no variable ${name}`;
        }
    }
}

const boards = readdirSync(join(conf, 'grafana')).filter((name) => name.endsWith('.json'))
    .map((name) => [name, JSON.parse(readFileSync(join(conf, 'grafana', name), 'utf8'))]);
if (boards.length < 3) throw new Error('conf/grafana: overview, platform and runs are not all there');
const { services } = compose;
const faults = [...files(services), ...hosts(services), ...programs(services), ...ports(services), ...collector(), ...dashboards(boards)];
const broken = structuredClone(services);
broken.grafana.volumes[0] = './none:/x';
broken.proxy.depends_on = ['none'];
broken.proxy.environment.VIRTUOSO_PROXY_STORE_URL = 'redis://none:6379';
const spoiled = structuredClone(boards);
spoiled[0][1].uid = spoiled[1][1].uid;
spoiled[2][1].panels[0].targets = [];
spoiled[2][1].panels[1].targets[0].expr = 'up{instance="$nobody"}';
if ([...dashboards(spoiled)].length !== 4) faults.push('selftest: what is wrong with a dashboard was not said');
if ([...files(broken)].length !== 2 || [...hosts(broken)].length !== 1) faults.push('selftest: what is wrong was not said');
faults.forEach((fault) => console.log(fault));
console.log(`${Object.keys(services).length} services, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
