// Holds what kustomize builds of k8s/ against the types of Kubernetes and its extensions, and its parts against each other:
// labels, ports, names, the configuration, Pod Security "restricted", probes and metrics.
//   node check_k8s.mjs BUILDS METRICS_FILE URL BINARY
// BUILDS holds one NAME.yaml for each build; METRICS_FILE is the text of /metrics, URL the proxy that wrote it. Unknown fields are
// found by the compiler: BUILDS/objects.mts is written for it. Stands beside node_modules.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import YAML from 'yaml';

const [builds, metricsFile, url, binary] = process.argv.slice(2);
const packageOf = {
    'keda.sh': '@kubernetes-models/keda',
    'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
    'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
    'external-secrets.io': '@kubernetes-models/external-secrets',
    'gateway.envoyproxy.io': '@kubernetes-models/envoy-gateway',
};
const secretRoot = '/run/secrets/';
const secretMount = `${secretRoot}virtuoso-proxy/`;
const metricNames = new Set(
    [...readFileSync(metricsFile, 'utf8').matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]),
);

// --- helpers ---

const byKind = (docs, kind) => docs.filter((doc) => doc.kind === kind);
const only = (docs, kind) => byKind(docs, kind)[0];
const podOf = (docs) => only(docs, 'Deployment').spec.template; // of the proxy
const podsOf = (docs) => ['Deployment', 'StatefulSet'].flatMap((kind) => byKind(docs, kind)).map((doc) => doc.spec.template);
const policiesOf = (docs) => byKind(docs, 'NetworkPolicy');
const containersOf = (docs) => podOf(docs).spec.containers;
const named = (docs, kind, name) => byKind(docs, kind).some((doc) => doc.metadata.name === name);
const portsOf = (docs) => containersOf(docs).flatMap((container) => container.ports ?? []);
const hasPort = (docs, port, pod = podOf(docs)) =>
    pod.spec.containers.flatMap((container) => container.ports ?? []).some((one) => one.name === port || one.containerPort === port);
const configMapOf = (docs) => byKind(docs, 'ConfigMap').find((doc) => doc.data['virtuoso-proxy.yaml']);
const configOf = (docs) => YAML.parse(configMapOf(docs).data['virtuoso-proxy.yaml']);

// '8000' of '0.0.0.0:8000'
const portOf = (address) => Number(address.split(':').pop());
const portsOfConfig = (docs) => ({ http: portOf(configOf(docs).server.listen), admin: portOf(configOf(docs).admin.listen) });

// The pods that the labels choose.
const chosenOf = (docs, labels) => podsOf(docs).filter((pod) => selects(labels, pod.metadata.labels));

function selects(labels, have) {
    return Object.entries(labels ?? {}).length > 0 && Object.entries(labels).every(([key, value]) => have?.[key] === value);
}

// --- rules: each gives the faults of one build ---

function* selectors(docs) {
    const deployment = only(docs, 'Deployment');
    const have = podOf(docs).metadata.labels;
    const anyPod = [
        ...byKind(docs, 'Service').map((doc) => ['Service', doc.spec.selector]),
        ...policiesOf(docs).map((doc) => ['NetworkPolicy', doc.spec.podSelector.matchLabels]),
        ...policiesOf(docs)
            .flatMap((doc) => [...(doc.spec.egress ?? []).flatMap((rule) => rule.to), ...(doc.spec.ingress ?? []).flatMap((rule) => rule.from ?? [])])
            .filter((peer) => peer.podSelector && !peer.namespaceSelector)
            .map((peer) => ['NetworkPolicy, a peer', peer.podSelector.matchLabels]),
        ...byKind(docs, 'StatefulSet').map((doc) => ['StatefulSet', doc.spec.selector.matchLabels]),
    ];
    for (const [what, labels] of anyPod) {
        const n = chosenOf(docs, labels).length;
        if (n !== 1) yield `${what}: its selector matches the labels of ${n} kinds of pods`;
    }
    const wanted = [
        ['Deployment', deployment.spec.selector.matchLabels],
        ...byKind(docs, 'PodDisruptionBudget').map((doc) => ['PodDisruptionBudget', doc.spec.selector.matchLabels]),
        ...byKind(docs, 'PodMonitor').map((doc) => ['PodMonitor', doc.spec.selector.matchLabels]),
        ...podOf(docs).spec.topologySpreadConstraints.map((one) => ['spread', one.labelSelector.matchLabels]),
    ];
    for (const [what, labels] of wanted) {
        if (!selects(labels, have)) yield `${what}: its selector does not match the labels of the pods`;
    }
}

function* ports(docs) {
    const wanted = portsOfConfig(docs);
    const scraped = podOf(docs).metadata.annotations?.['prometheus.io/port'];
    for (const { name, containerPort } of portsOf(docs)) {
        if (containerPort !== wanted[name]) yield `container: port ${containerPort} is not that of ${name} in the configuration`;
    }
    if (scraped && Number(scraped) !== wanted.admin) yield `annotations: metrics are not on port ${scraped}`;
    for (const container of containersOf(docs)) {
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
            if (!hasPort(docs, container[probe]?.httpGet.port)) yield `${probe}: the container has no such port`;
        }
    }
    for (const service of byKind(docs, 'Service')) {
        const [pod] = chosenOf(docs, service.spec.selector);
        for (const port of service.spec.ports) {
            if (pod && !hasPort(docs, port.targetPort, pod)) yield `Service: the container has no port ${port.targetPort}`;
            if ([wanted.admin, 'admin'].includes(port.targetPort)) yield 'Service: it offers the port of operators';
        }
    }
    for (const monitor of byKind(docs, 'PodMonitor')) {
        for (const end of monitor.spec.podMetricsEndpoints) {
            if (end.port !== 'admin' || !hasPort(docs, end.port)) yield `PodMonitor: metrics are not on port ${end.port}`;
        }
    }
    for (const policy of policiesOf(docs)) {
        const [pod] = chosenOf(docs, policy.spec.podSelector.matchLabels);
        for (const rule of policy.spec.ingress ?? []) {
            for (const { port } of rule.ports) {
                if (pod && !hasPort(docs, port, pod)) yield `NetworkPolicy: the container has no port ${port}`;
                if (port === wanted.admin && !rule.from) yield 'NetworkPolicy: everybody reaches the port of operators';
            }
        }
    }
}

function* backends(docs) {
    const offers = (name, port) =>
        byKind(docs, 'Service').some(
            (service) =>
                service.metadata.name === name &&
                service.spec.ports.some((one) => one.name === port || one.port === port),
        );
    for (const ingress of byKind(docs, 'Ingress')) {
        for (const { backend } of ingress.spec.rules.flatMap((rule) => rule.http.paths)) {
            const { name, port } = backend.service;
            if (!offers(name, port.name ?? port.number)) yield `Ingress: no Service ${name} with that port`;
        }
    }
    for (const policy of byKind(docs, 'BackendTrafficPolicy')) {
        for (const { kind, name } of policy.spec.targetRefs) {
            if (!named(docs, kind, name)) yield `BackendTrafficPolicy: there is no ${kind} ${name}`;
        }
    }
    for (const route of byKind(docs, 'HTTPRoute')) {
        for (const { name, port } of route.spec.rules.flatMap((rule) => rule.backendRefs)) {
            if (!offers(name, port)) yield `HTTPRoute: no Service ${name} with that port`;
        }
    }
}

function* scalers(docs) {
    const all = [...byKind(docs, 'HorizontalPodAutoscaler'), ...byKind(docs, 'ScaledObject')];
    const targets = all.map((scaler) => scaler.spec.scaleTargetRef.name);
    if (all.length === 0) yield 'no autoscaler';
    for (const name of new Set(targets)) {
        const n = targets.filter((one) => one === name).length;
        if (n > 1) yield `${n} autoscalers of ${name}`;
    }
    for (const { spec } of byKind(docs, 'ScaledObject')) {
        if (!(spec.fallback?.replicas >= spec.minReplicaCount)) yield 'ScaledObject: no fallback while Prometheus is away';
        for (const { type, metadata } of spec.triggers) {
            // An empty answer would count as no requests.
            if (type === 'prometheus' && metadata.ignoreNullValues !== 'false') yield 'ScaledObject: an empty answer counts as zero';
        }
    }
}

function* names(docs) {
    const scalers = [...byKind(docs, 'HorizontalPodAutoscaler'), ...byKind(docs, 'ScaledObject')];
    for (const scaler of scalers) {
        const { kind, name } = scaler.spec.scaleTargetRef;
        if (!named(docs, kind, name)) yield `${scaler.kind}: there is no ${kind} ${name}`;
    }
    if (only(docs, 'Deployment').spec.replicas !== undefined) yield 'Deployment: replicas beside an autoscaler';
    for (const { spec: pod } of podsOf(docs)) {
        for (const volume of pod.volumes ?? []) {
            if (volume.configMap && !named(docs, 'ConfigMap', volume.configMap.name)) yield `volume ${volume.name}: no such ConfigMap`;
        }
        const { serviceAccountName: account } = pod;
        if (account && !named(docs, 'ServiceAccount', account)) yield `pod: no ServiceAccount ${account}`;
    }
    for (const { spec } of byKind(docs, 'StatefulSet')) {
        if (!named(docs, 'Service', spec.serviceName)) yield `StatefulSet: no Service ${spec.serviceName}`;
    }
    for (const { name, secret } of podOf(docs).spec.volumes) {
        const made = byKind(docs, 'ExternalSecret').map((doc) => doc.spec.target.name);
        if (name === 'secret' && made.length > 0 && !made.includes(secret.secretName)) yield `volume ${name}: nobody makes that Secret`;
    }
    const namespaces = new Set(docs.map((doc) => (doc.kind === 'Namespace' ? doc.metadata.name : doc.metadata.namespace)));
    if (namespaces.size !== 1) yield `several namespaces: ${[...namespaces].join(', ')}`;
}

function* securityOf(pod) {
    if (pod.automountServiceAccountToken !== false) yield 'pod: a token of the service account is mounted';
    if (pod.hostNetwork || pod.hostPID || pod.hostIPC) yield 'pod: it sees the host';
    if (pod.volumes.some((volume) => volume.hostPath)) yield 'pod: a volume of the host';
    for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
        const security = { ...pod.securityContext, ...container.securityContext };
        if (security.runAsNonRoot !== true || !(security.runAsUser > 0)) yield 'container: may run as root';
        if (!['RuntimeDefault', 'Localhost'].includes(security.seccompProfile?.type)) yield 'container: no seccomp profile';
        if (security.allowPrivilegeEscalation !== false) yield 'container: may gain privileges';
        if (security.privileged) yield 'container: privileged';
        if (security.readOnlyRootFilesystem !== true) yield 'container: / can be written';
        if (!security.capabilities?.drop?.includes('ALL') || security.capabilities.add) yield 'container: capabilities';
        const { requests, limits } = container.resources;
        if (requests.memory !== limits.memory || limits.cpu) yield 'container: memory request = limit, and no CPU limit';
        if (container.volumeMounts.some((mount) => mount.subPath)) yield 'container: a file under subPath is never updated';
    }
}

function* security(docs) {
    if (only(docs, 'Namespace').metadata.labels['pod-security.kubernetes.io/enforce'] !== 'restricted') {
        yield 'Namespace: Pod Security is not "restricted"';
    }
    for (const { spec: pod } of podsOf(docs)) yield* securityOf(pod);
}

// Pods that ask for names reach the cache on the node, too.
function* dns(docs) {
    for (const { to, ports } of policiesOf(docs).flatMap((policy) => policy.spec.egress ?? [])) {
        if (!ports.some((one) => one.port === 53)) continue;
        for (const protocol of ['UDP', 'TCP']) {
            if (!ports.some((one) => one.port === 53 && one.protocol === protocol)) yield `NetworkPolicy: names by ${protocol}`;
        }
        if (!to.some((peer) => peer.ipBlock?.cidr === '169.254.20.10/32')) yield 'NetworkPolicy: the cache of names on the node';
    }
    for (const pod of podsOf(docs).filter((one) => one.metadata.labels['app.kubernetes.io/name']?.startsWith('virtuoso-proxy'))) {
        const asks = policiesOf(docs).some(
            (policy) =>
                selects(policy.spec.podSelector.matchLabels, pod.metadata.labels) &&
                (policy.spec.egress ?? []).some((rule) => rule.ports.some((one) => one.port === 53)),
        );
        if (!asks && !pod.metadata.labels['app.kubernetes.io/component']) yield 'NetworkPolicy: pods without names';
    }
}

function* egress(docs) {
    for (const { to, ports } of policiesOf(docs).flatMap((policy) => policy.spec.egress ?? [])) {
        for (const peer of to) {
            const isDns = ports.some((one) => one.port === 53);
            if (isDns && peer.podSelector && !peer.namespaceSelector) yield 'NetworkPolicy: DNS in this namespace only';
            if (peer.namespaceSelector && !peer.podSelector) yield 'NetworkPolicy: every pod of every namespace';
            if (peer.ipBlock?.cidr === '0.0.0.0/0' && !peer.ipBlock.except?.includes('169.254.0.0/16')) {
                yield 'NetworkPolicy: the metadata address of the cloud can be reached';
            }
        }
    }
}

function* drain(docs) {
    const { notice_ms, limit_ms } = configOf(docs).drain;
    const ready = containersOf(docs)[0].readinessProbe;
    const seen_ms = 1000 * (ready.periodSeconds + ready.timeoutSeconds) * ready.failureThreshold;
    if (podOf(docs).spec.terminationGracePeriodSeconds * 1000 <= limit_ms) yield 'drain.limit_ms is not below the grace period';
    if (notice_ms >= limit_ms) yield 'drain.notice_ms is not below drain.limit_ms';
    if (notice_ms <= seen_ms) yield 'drain.notice_ms ends before the readiness probe has seen it';
}

// Names in expressions, wherever they stand.
function* metrics(docs) {
    const text = JSON.stringify(docs.filter((doc) => doc.kind !== 'ConfigMap'));
    for (const [name] of text.matchAll(/\bvirtuoso_proxy_\w+/g)) {
        if (!metricNames.has(name)) yield `metric ${name}: /metrics has none of that name`;
    }
}

// The configuration as the pod reads it, with its environment; files of secrets are stood in for.
function* configuration(docs) {
    const folder = join(builds, 'mounted');
    const env = {};
    mkdirSync(folder, { recursive: true });
    for (const { name, value } of containersOf(docs)[0].env ?? []) {
        const file = value.replace(/^file:/, '');
        // As Kubernetes does: $(NAME) is the value of a variable that stands above.
        env[name] = value.replace(secretRoot, `${folder}/`).replace(/\$\((\w+)\)/g, (_, one) => env[one] ?? `$(${one})`);
        if (file.startsWith(secretRoot)) {
            mkdirSync(join(folder, dirname(file.slice(secretRoot.length))), { recursive: true });
            writeFileSync(join(folder, file.slice(secretRoot.length)), `value-of-${name}-for-a-test\n`);
        }
    }
    writeFileSync(join(folder, 'virtuoso-proxy.yaml'), configMapOf(docs).data['virtuoso-proxy.yaml']);
    try {
        execFileSync(binary, ['check', '-c', join(folder, 'virtuoso-proxy.yaml')], { env, stdio: 'pipe', timeout: 200000 });
    } catch (error) {
        yield `configuration: ${error.stderr ?? error}`;
    }
}

// A proxy sends to a collector in its own pod, which reads its configuration and listens there.
function* collectors(docs) {
    for (const { spec: pod } of podsOf(docs)) {
        const sent = pod.containers[0].env?.find((one) => one.name === 'OTEL_EXPORTER_OTLP_ENDPOINT')?.value;
        const collector = pod.initContainers?.find((one) => one.name === 'collector');
        if (!sent && !collector) continue;
        if (!sent || !collector) {
            yield sent ? `env: nobody listens at ${sent}` : 'collector: nobody sends to it';
            continue;
        }
        const [mount] = collector.volumeMounts;
        const volume = pod.volumes.find((one) => one.name === mount.name);
        const map = byKind(docs, 'ConfigMap').find((doc) => doc.metadata.name === volume?.configMap.name);
        const config = YAML.parse(map?.data['config.yaml'] ?? '{}');
        if (collector.restartPolicy !== 'Always') yield 'collector: the proxy waits until it has ended';
        if (collector.args[0] !== `--config=${mount.mountPath}/config.yaml`) yield 'collector: its configuration is elsewhere';
        if (sent !== `http://127.0.0.1:${portOf(config.receivers?.otlp.protocols.http.endpoint ?? ':0')}`) yield 'collector: it listens elsewhere';
        if (!(config.processors?.memory_limiter.limit_mib < Number.parseInt(collector.resources.limits.memory))) yield 'collector: its own limit is not below that of the pod';
    }
}

// The address of the store is that of a Service of the build.
function* store(docs) {
    const env = Object.fromEntries((containersOf(docs)[0].env ?? []).map((one) => [one.name, one.value]));
    if (env.REDIS_SERVICE && !named(docs, 'Service', env.REDIS_SERVICE)) yield 'env: the address of the store is no Service';
}

// The secret that the example describes has the files that the environment names.
function* secrets(docs) {
    const example = YAML.parse(readFileSync(join(builds, 'secret.example'), 'utf8'));
    for (const { name, value } of containersOf(docs)[0].env ?? []) {
        if (value.startsWith(secretMount) && !(basename(value) in example.stringData)) yield `${name}: no such key in the secret`;
    }
    for (const made of byKind(docs, 'ExternalSecret')) {
        const keys = made.spec.data.map((one) => one.secretKey).sort();
        if (String(keys) !== String(Object.keys(example.stringData).sort())) yield 'ExternalSecret: other keys than the example';
    }
}

const rules = [selectors, ports, backends, scalers, names, security, dns, egress, drain, metrics, configuration, store, secrets, collectors];
const faultsOf = (docs) => rules.flatMap((rule) => [...rule(docs)]);

// --- types ---

async function modelOf({ apiVersion, kind }) {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    const path = `${packageOf[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`;
    return { path, Model: (await import(path))[kind] };
}

async function typesOf(docs) {
    const faults = [];
    for (const doc of docs) {
        const { Model } = await modelOf(doc);
        try {
            new Model(structuredClone(doc)).validate();
        } catch (error) {
            faults.push(`${doc.kind}: ${error.message}`);
        }
    }
    return faults;
}

async function writeTypes(all) {
    const imports = new Map();
    const lines = [];
    for (const [build, docs] of all) {
        for (const doc of docs) {
            const { path } = await modelOf(doc);
            imports.set(path, doc.kind);
            lines.push(`// ${build}\nexport const object${lines.length}: I${doc.kind} = ${JSON.stringify(doc, null, 1)};`);
        }
    }
    // The compiler would miss an unknown field here if it missed others.
    lines.push('export const wrong: IService = { apiVersion: "v1", kind: "Service", spec: {', '// @ts-expect-error', '"selectors": {} } };');
    const head = [...imports].map(([path, kind]) => `import type { I${kind} } from '${path}';`);
    writeFileSync(join(builds, 'objects.mts'), [...head, ...lines].join('\n'));
}

// --- each rule refuses something: a change of a good build, and the beginning of what is said then ---

const changes = [
    ['Service: its selector', (docs) => (only(docs, 'Service').spec.selector = { app: 'other' })],
    ['NetworkPolicy: its selector', (docs) => (only(docs, 'NetworkPolicy').spec.podSelector.matchLabels = {})],
    ['Service: the container has no port', (docs) => (only(docs, 'Service').spec.ports[0].targetPort = 'web')],
    ['container: port 8001', (docs) => (containersOf(docs)[0].ports[0].containerPort = 8001)],
    ['container: port 9091', (docs) => (containersOf(docs)[0].ports[1].containerPort = 9091)],
    ['annotations: metrics', (docs) => (podOf(docs).metadata.annotations['prometheus.io/port'] = '8000')],
    ['Service: it offers', (docs) => (only(docs, 'Service').spec.ports[0].targetPort = 'admin')],
    ['NetworkPolicy: everybody', (docs) => delete only(docs, 'NetworkPolicy').spec.ingress[1].from],
    ['HorizontalPodAutoscaler: there is no', (docs) => (only(docs, 'HorizontalPodAutoscaler').spec.scaleTargetRef.name = 'x')],
    ['2 autoscalers', (docs) => docs.push(structuredClone(only(docs, 'HorizontalPodAutoscaler')))],
    ['ScaledObject: no fallback', (docs) => docs.push({ kind: 'ScaledObject', metadata: {}, spec: { scaleTargetRef: {}, minReplicaCount: 2, triggers: [] } })],
    [
        'ScaledObject: an empty answer',
        (docs) => docs.push({ kind: 'ScaledObject', metadata: {}, spec: { scaleTargetRef: {}, triggers: [{ type: 'prometheus', metadata: {} }] } }),
    ],
    ['pod: no ServiceAccount', (docs) => (podOf(docs).spec.serviceAccountName = 'x')],
    ['StatefulSet: no Service', (docs) => (only(docs, 'StatefulSet').spec.serviceName = 'x')],
    ['NetworkPolicy: the cache', (docs) => only(docs, 'NetworkPolicy').spec.egress[0].to.splice(1, 1)],
    ['NetworkPolicy: names by TCP', (docs) => only(docs, 'NetworkPolicy').spec.egress[0].ports.pop()],
    ['NetworkPolicy: pods without', (docs) => only(docs, 'NetworkPolicy').spec.egress.shift()],
    ['StatefulSet: its selector', (docs) => (only(docs, 'StatefulSet').spec.selector.matchLabels = { a: 'b' })],
    ['NetworkPolicy, a peer: its selector', (docs) => (policiesOf(docs).find((doc) => doc.spec.egress?.[0].to[0].podSelector?.matchLabels['app.kubernetes.io/component']).spec.egress[0].to[0].podSelector.matchLabels = { a: 'b' })],
    ['Service: the container has no port cache', (docs) => (byKind(docs, 'Service').find((doc) => doc.spec.clusterIP).spec.ports[0].targetPort = 'cache')],
    ['env: the address of the store', (docs) => (byKind(docs, 'Service').find((doc) => doc.spec.clusterIP).metadata.name = 'other')],
    ['Deployment: replicas', (docs) => (only(docs, 'Deployment').spec.replicas = 2)],
    ['container: may run as root', (docs) => (podOf(docs).spec.securityContext.runAsNonRoot = false)],
    ['container: / can be written', (docs) => (containersOf(docs)[0].securityContext.readOnlyRootFilesystem = false)],
    ['NetworkPolicy: DNS', (docs) => delete only(docs, 'NetworkPolicy').spec.egress[0].to[0].namespaceSelector],
    ['NetworkPolicy: the metadata', (docs) => (only(docs, 'NetworkPolicy').spec.egress[1].to[0].ipBlock.except = [])],
    ['drain.limit_ms', (docs) => (podOf(docs).spec.terminationGracePeriodSeconds = 45)],
    ['metric virtuoso_proxy_gone', (docs) => (only(docs, 'Service').metadata.annotations = { q: 'virtuoso_proxy_gone' })],
    ['configuration: ', (docs) => (configMapOf(docs).data['virtuoso-proxy.yaml'] += 'nonsense: 1\n')],
    ['VIRTUOSO_API_TOKEN_FILE: no such key', (docs) => (containersOf(docs)[0].env.find((one) => one.name === 'VIRTUOSO_API_TOKEN_FILE').value = `${secretMount}other`)],
];

// The same for a build with collectors.
const collectorOf = (docs) => podOf(docs).spec.initContainers[0];
const changesOfCollectors = [
    ['env: nobody listens', (docs) => delete podOf(docs).spec.initContainers],
    ['collector: nobody sends', (docs) => (containersOf(docs)[0].env = [])],
    ['collector: the proxy waits', (docs) => delete collectorOf(docs).restartPolicy],
    ['collector: its configuration', (docs) => (collectorOf(docs).args = ['--config=/other'])],
    ['collector: it listens', (docs) => (containersOf(docs)[0].env.find((one) => one.name.startsWith('OTEL')).value = 'http://127.0.0.1:4317')],
    ['collector: its own limit', (docs) => (collectorOf(docs).resources.limits.memory = '128Mi')],
    ['container: / can be written', (docs) => delete collectorOf(docs).securityContext.readOnlyRootFilesystem],
    ['volume collector: no such', (docs) => (podOf(docs).spec.volumes.find((one) => one.name === 'collector').configMap.name = 'x')],
];
const changesOfRoutes = [['BackendTrafficPolicy: there is no', (docs) => (only(docs, 'HTTPRoute').metadata.name = 'x')]];

async function proveRules(good, changes) {
    const faults = [];
    for (const [said, change] of changes) {
        const docs = structuredClone(good);
        change(docs);
        if (!faultsOf(docs).some((fault) => fault.startsWith(said))) faults.push(`selftest: "${said}..." was not said`);
    }
    const docs = structuredClone(good);
    only(docs, 'Service').spec.ports[0].port = 'eighty';
    if ((await typesOf(docs)).length === 0) faults.push('selftest: a port that is a text was taken');
    return faults;
}

// --- run ---

async function probesOf(docs) {
    const faults = [];
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
        const { path } = containersOf(docs)[0][probe].httpGet;
        const answer = await fetch(url + path, { signal: AbortSignal.timeout(100000) });
        if (answer.status !== 200) faults.push(`${probe}: ${path} answers ${answer.status}`);
    }
    return faults;
}

const all = new Map();
for (const file of readdirSync(builds).filter((name) => name.endsWith('.yaml'))) {
    const docs = YAML.parseAllDocuments(readFileSync(join(builds, file), 'utf8')).map((doc) => doc.toJS());
    all.set(basename(file, '.yaml'), docs);
}
let failed = 0;
const say = (build, faults) => faults.forEach((fault) => (console.log(`${build}: ${fault}`), failed++));
for (const [build, docs] of all) {
    if (build === 'adapter-rules') {
        say(build, [...metrics(docs)]);
        all.delete(build);
        continue;
    }
    say(build, [...faultsOf(docs), ...(await typesOf(docs)), ...(await probesOf(docs))]);
}
await writeTypes(all);
say('component-redis', await proveRules(all.get('component-redis'), changes));
say('component-collector', await proveRules(all.get('component-collector'), changesOfCollectors));
say('component-gateway-hash', await proveRules(all.get('component-gateway-hash'), changesOfRoutes));
console.log(`${all.size} builds, ${[...all.values()].flat().length} objects, ${failed} faults`);
process.exit(failed > 0 ? 1 : 0);
