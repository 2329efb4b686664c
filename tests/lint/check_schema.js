// See check_schema.sh. SCRATCH holds schema.json, files/ and verdicts.jsonl (validate --json of the files).
'use strict';
const fs = require('fs');
const path = require('path');
const Ajv = require('ajv');
const YAML = require('yaml');

const scratch = process.argv[2];
const schema = JSON.parse(fs.readFileSync(path.join(scratch, 'schema.json'), 'utf8'));
const validate = new Ajv({strict: false, allErrors: false}).compile(schema);

// What a schema can tell, and the compiler refuses as well (tests/golden holds those cases).
const wrong = [
  'name: T\nsteps: [{clik: a}]',
  'name: T\nstpes: [{click: a}]',
  'name: T',
  'name: T\nsteps: click',
  'name: T\nsteps: [[]]',
  'name: T\nsteps: [{click: {selctor: a}}]',
  'name: T\nsteps: [{drag: {form: a, to: b}}]',
  'name: T\nsteps: [{if: {cond: $a, than: []}}]',
  'name: T\nsteps: [{click: [a, b]}]',
  'name: T\nstarting_url: shop\nsteps: [{click: a}]',
  'name: T\nproject_id: abc\nsteps: [{click: a}]',
  'name: T\nconfig: yes please\nsteps: [{click: a}]',
  'name: T\nconfig: {continue_on_error: maybe}\nsteps: [{click: a}]',
  'apiVersion: v1\nkind: Pod\nsteps: [{click: a}]',
  'name: [T]\nsteps: [{click: a}]',
  'name: T\nsteps: [{navigate: Leave administration}]',
  'name: T\nsteps: [{type: navigate, target: Leave administration}]',
  'name: T\nsteps: [{goto: {url: shop}}]',
  'name: T\nsteps: [{upload: {selector: CV, url: ./cv.pdf}}]',
  'name: T\nsetup: {checkpoint_id: abc}\nsteps: [{click: a}]',
  'infrastructure: {starting_url: shop}\nsteps: [{click: a}]',
  'name: T\nsteps:',
  'name: T\nsteps: [{name: build, args: [a]}]',
  'name: T\nsteps: [{mouse: {action: enter}}]',
  'name: T\nsteps: [{store: {type: attribute, selector: a, as: b}}]',
  'name: T\nsteps: [{assert: {type: equals, target: a, attribute: href, expected: b}}]',
  'name: T\nsteps: [{scroll: {to: a, spede: 3}}]',
  'name: T\nsteps: [{wait: {element: a, ms: 3}}]',
];

// What a schema cannot tell: the errors of a file that it accepts and the compiler refuses are of these kinds.
const untold = [
  [/^cannot understand (this sentence$|".*" in this sentence;)/, 'the grammar of sentences is not a regular one'],
  [/^unknown verb ".* /, 'a sentence that YAML has cut at its colon'],
  [/^step-\S+ (needs|takes|has no) /, 'the arguments of a command line, in one text'],
  [/^There is no command /, 'a name that is nearly right is taken'],
  [/^unknown verb "\S+-\S+"$/, 'the name of a command, as a value: one that is nearly right is taken'],
  [/ is relative, and the file says no address/, 'the run may give the address'],
  [/^the condition is not known/, 'the value of a variable'],
  [/ must be an id: /, 'the value of a variable'],
  [/: it takes a time; /, 'the value of a variable'],
  [/ is a list or a map, but text is expected/, 'the value of a variable'],
  [/( takes up or down|give accept, dismiss|the type is one of|the type is alert|it needs an action|only cookies can be|it takes resize|is not a tab| cannot be ".*" here$)/,
    'a word of a closed list stands in any spelling, or is the value of a variable'],
  [/ must be one of: /, 'the same, of an option'],
  [/^YAML tags /, 'a tag is gone when the file is read'],
  [/^assert cannot have "text" beside its other fields$/, 'text is the element of one form and the value of another'],
  [/^this sentence has too many words |^a quote is not closed|^A quote \(.\) is not closed in the command line/i, 'the grammar of sentences and of command lines'],
  [/^unknown unit of time "|^".*" (is not a time|is too long for a time)$/, 'most texts in this place are the name of an element'],
  [/^"dry_?-? ?run" in a test file has no effect$/i, 'a name in any spelling, where names that nobody knows are taken'],
  [/^"false" (is no option|names no element)|^assert: the platform cannot assert that something is not checked$/,
    'true and false are texts in most places'],
  [/^assert (needs "selector"|cannot have "(selected|value|expected)" beside its other fields)$/, 'the same'],
  [/^(cookie|store) has no /, 'data: {action, operation}: both together choose the fields'],
];

function documents(text) {
  const all = YAML.parseAllDocuments(text, {merge: true, version: '1.2', maxAliasCount: -1, uniqueKeys: true});
  if (!Array.isArray(all) || all.some((d) => d.errors.length > 0)) {
    return null; // the two readers differ in what they refuse: not the schema's business
  }
  return all.map((d) => d.toJS({maxAliasCount: -1}));
}

let nAccepted = 0;
let nRefused = 0;
let nWrong = 0;
let bad = 0;
for (const line of fs.readFileSync(path.join(scratch, 'verdicts.jsonl'), 'utf8').split('\n')) {
  if (line === '') {
    continue;
  }
  const verdict = JSON.parse(line);
  const docs = documents(fs.readFileSync(path.join(scratch, 'files', verdict.file), 'utf8').replace(/^\uFEFF/gm, ''));
  if (docs === null) {
    continue;
  }
  const accepted = docs.every((d) => validate(d));
  if (verdict.valid) {
    nAccepted += accepted ? 1 : 0;
    if (!accepted) {
      bad++;
      console.log(`${verdict.file}: compiles, but the schema refuses it: ${JSON.stringify(validate.errors[0])}`);
    }
  } else {
    nRefused += accepted ? 0 : 1;
    nWrong++;
    for (const error of accepted ? verdict.errors : []) {
      if (!untold.some(([kind]) => kind.test(error.detail))) {
        bad++;
        console.log(`${verdict.file}:${error.line}: the schema accepts it, and could tell: ${error.detail}`);
      }
    }
  }
}
for (const text of wrong) {
  if (documents(text).every((d) => validate(d))) {
    bad++;
    console.log(`the schema accepts what is wrong:\n${text}`);
  }
}
console.log(`${nAccepted} files that compile are accepted, ${nRefused} of ${nWrong} that do not are refused, ` +
            `${wrong.length} slips are checked`);
process.exit(bad > 0 || nAccepted < 10 ? 1 : 0);
