// Holds the templates of conf/aws/ against what AWS says of its resources: types, members, types of values, what is required; and
// against themselves: references, conditions. Paths that they name are asked for at a running proxy.
//   node check_cloudformation.mjs FOLDER URL
// Resources of SAM (AWS::Serverless::*) are looked at for their references only. Stands beside node_modules.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec';
import YAML from 'yaml';

const [folder, url] = process.argv.slice(2);
const spec = await loadAwsServiceSpec();
const isIntrinsic = (value) =>
    value !== null && typeof value === 'object' && Object.keys(value).length === 1 && /^(Ref|Fn::\w+)$/.test(Object.keys(value)[0]);
const isNothing = (value) => isIntrinsic(value) && value.Ref === 'AWS::NoValue';

// --- references ---

// Every value of the template that is a member of this name, at any depth.
function* membersOf(value, name) {
    if (value === null || typeof value !== 'object') return;
    for (const [key, member] of Object.entries(value)) {
        if (key === name) yield member;
        yield* membersOf(member, name);
    }
}

function* references(template) {
    const known = new Set([...Object.keys(template.Parameters ?? {}), ...Object.keys(template.Resources)]);
    const conditions = new Set(Object.keys(template.Conditions ?? {}));
    const is = (name) => known.has(name) || name.startsWith('AWS::');
    for (const name of membersOf(template, 'Ref')) {
        if (!is(name)) yield `Ref: there is no ${name}`;
    }
    for (const target of membersOf(template, 'Fn::GetAtt')) {
        const name = (Array.isArray(target) ? target[0] : target).split('.')[0];
        if (!(name in template.Resources)) yield `Fn::GetAtt: there is no resource ${name}`;
    }
    for (const value of membersOf(template, 'Fn::Sub')) {
        const [text, own] = Array.isArray(value) ? value : [value, {}];
        for (const [, name] of text.matchAll(/\$\{([^!}][^}]*)\}/g)) {
            if (!is(name.split('.')[0]) && !(name in own)) yield `Fn::Sub: there is no ${name}`;
        }
    }
    for (const [name] of membersOf(template, 'Fn::If')) {
        if (!conditions.has(name)) yield `Fn::If: there is no condition ${name}`;
    }
    for (const resource of Object.values(template.Resources)) {
        if (resource.Condition && !conditions.has(resource.Condition)) yield `there is no condition ${resource.Condition}`;
    }
    const used = JSON.stringify([template.Resources, template.Conditions, template.Outputs]);
    for (const name of Object.keys(template.Parameters ?? {})) {
        if (!used.includes(`"${name}"`) && !used.includes(`\${${name}}`)) yield `the parameter ${name} is used nowhere`;
    }
}

// --- types ---

const scalars = {
    string: (value) => typeof value !== 'object',
    boolean: (value) => typeof value === 'boolean' || value === 'true' || value === 'false',
    integer: (value) => Number.isInteger(Number(value)),
    number: (value) => !Number.isNaN(Number(value)),
};

// Both branches of a condition; else the value.
const branchesOf = (value) => (isIntrinsic(value) && value['Fn::If'] ? value['Fn::If'].slice(1).flatMap(branchesOf) : [value]);

function* ofType(type, value, where) {
    for (const branch of branchesOf(value)) {
        if (isNothing(branch) || (isIntrinsic(branch) && !branch['Fn::If'])) continue; // known to AWS only
        if (type.type === 'union') {
            if (type.types.every((one) => [...ofType(one, branch, where)].length > 0)) yield `${where}: of none of its types`;
        } else if (type.type === 'array') {
            if (!Array.isArray(branch)) yield `${where}: must be a list`;
            else for (const [i, one] of branch.entries()) yield* ofType(type.element, one, `${where}[${i}]`);
        } else if (type.type === 'ref') {
            const definition = spec.get('typeDefinition', type.reference.$ref);
            if (typeof branch !== 'object' || Array.isArray(branch)) yield `${where}: must be a map`;
            else yield* properties(definition.properties, branch, where);
        } else if (scalars[type.type] && !scalars[type.type](branch)) {
            yield `${where}: must be of type ${type.type}`;
        }
    }
}

function* properties(known, have, where) {
    for (const [name, value] of Object.entries(have)) {
        if (!known[name]) yield `${where}.${name}: AWS knows no such member`;
        else yield* ofType(known[name].type, value, `${where}.${name}`);
    }
    for (const [name, { required }] of Object.entries(known)) {
        if (required && have[name] === undefined) yield `${where}.${name}: is required`;
    }
}

function* types(template) {
    for (const [name, { Type, Properties }] of Object.entries(template.Resources)) {
        if (Type.startsWith('AWS::Serverless::')) continue;
        const [resource] = spec.lookup('resource', 'cloudFormationType', 'equals', Type);
        if (!resource) yield `${name}: AWS knows no ${Type}`;
        else yield* properties(resource.properties, Properties ?? {}, name);
    }
}

// CloudFormation reads neither aliases nor merges.
function* aliases(text) {
    if (/(^|[\s[{:,-])[&*][A-Za-z]\w*|<<:/m.test(text.replace(/#.*$/gm, '').replace(/(['"])(?:(?!\1).)*\1/g, ''))) {
        yield 'an alias or a merge of YAML, which CloudFormation does not read';
    }
}

// --- what the templates say of the proxy ---

async function paths(template) {
    const faults = [];
    const ask = (path) => fetch(url + path, { redirect: 'manual', signal: AbortSignal.timeout(100000) });
    const sample = { '/docs/*': '/docs/page.css', '/problems/*': '/problems/bad_json', '/schema/*': '/schema/testfile.json', '/favicon.*': '/favicon.svg' };
    for (const pattern of membersOf(template, 'PathPattern')) {
        const answer = await ask(sample[pattern] ?? pattern);
        const control = answer.headers.get('cache-control') ?? '';
        if (answer.status !== 200 || !control.startsWith('public')) faults.push(`${pattern}: ${answer.status}, Cache-Control: ${control}`);
    }
    for (const path of membersOf(template, 'ResourcePath')) {
        const answer = await ask(path);
        if (answer.status !== 200) faults.push(`${path}: ${answer.status}`);
    }
    return faults;
}

// --- run ---

const faultsOf = (template, text = '') => [...references(template), ...types(template), ...aliases(text)];

// Each rule refuses something: a change of cdn.yaml, and the beginning of what is said then.
const changes = [
    ['Ref: there is no', (t) => (t.Resources.Distribution.Properties.DistributionConfig.PriceClass = { Ref: 'Price' })],
    ['Fn::If: there is no', (t) => delete t.Conditions.HasAliases],
    ['the parameter Unused', (t) => (t.Parameters.Unused = { Type: 'String' })],
    ['Distribution.DistributionConfig.Enable: AWS knows', (t) => (t.Resources.Distribution.Properties.DistributionConfig.Enable = true)],
    ['Distribution.DistributionConfig.Enabled: is required', (t) => delete t.Resources.Distribution.Properties.DistributionConfig.Enabled],
    ['Distribution.DistributionConfig.Origins: must be a list', (t) => (t.Resources.Distribution.Properties.DistributionConfig.Origins = 'a')],
    ['Distribution: AWS knows no', (t) => (t.Resources.Distribution.Type = 'AWS::CloudFront::Distro')],
];

let failed = 0;
let n = 0;
const say = (file, faults) => faults.forEach((fault) => (console.log(`${file}: ${fault}`), failed++));
for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    const text = readFileSync(join(folder, file), 'utf8');
    const template = YAML.parse(text);
    say(file, [...faultsOf(template, text), ...(await paths(template))]);
    n += Object.keys(template.Resources).length;
    if (file !== 'cdn.yaml') continue;
    for (const [said, change] of changes) {
        const changed = structuredClone(template);
        change(changed);
        if (!faultsOf(changed).some((fault) => fault.startsWith(said))) say('selftest', [`"${said}..." was not said`]);
    }
    if ([...aliases('a: &b c')].length === 0 || [...aliases('a: "&b" # *c')].length > 0) say('selftest', ['aliases']);
}
console.log(`${n} resources, ${failed} faults`);
process.exit(failed > 0 || n === 0 ? 1 : 0);
