// make N: N requests to AWS, one a line, as sign.c reads them; the same ones each time.
// check REQUESTS SIGNATURES: each signature against those of @smithy/signature-v4 and of aws4.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import aws4 from "aws4";
import { SignatureV4 } from "@smithy/signature-v4";
import { Sha256 } from "@aws-crypto/sha256-js";

let state = 20150830;
const random = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
};
const one = (list) => list[random(list.length)];
const signs = [..."abcXYZ019-._~ !'()*+,;:@$&=/%?#\"<>[]{}|^`", "\u00e4", "\u20ac", "\u{1f600}"];
const text = (max, from = signs) => Array.from({ length: random(max + 1) }, () => one(from)).join("");
const escape = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
const sha256 = (s) => createHash("sha256").update(s).digest("hex");

function makeRequest() {
    const service = one(["s3", "secretsmanager", "ssm", "sts", "lambda"]);
    const names = signs.filter((c) => c !== "/" && c !== ".");
    const path = "/" + Array.from({ length: random(4) }, () => escape("x" + text(12, names))).join("/");
    // A name that stands twice has its values in order already: the two disagree about the others.
    const query = new Map();
    for (let i = random(5); i > 0; i--) query.set("q" + text(6), text(8));
    const pairs = [...query].map(([name, value]) => escape(name) + "=" + escape(value));
    const date = new Date(Date.UTC(2015 + random(20), random(12), 1 + random(28), random(24), random(60), random(60)));
    const hash = sha256(text(20));
    const headers = [["Host", service + ".eu-central-1.amazonaws.com"], ["X-Amz-Date", date.toISOString().replace(/[-:]|\.\d+/g, "")]];
    if (service === "s3") headers.push(["x-amz-content-sha256", hash]);
    if (random(2)) headers.push(["X-Amz-Security-Token", "x" + text(40, [..."abc/+=019"])]);
    if (random(2)) headers.push(["Content-Type", one(["application/json", "application/x-amz-json-1.1", "text/plain;  charset=utf-8"])]);
    if (random(3) === 0) headers.push(["X-Amz-Target", "secretsmanager.GetSecretValue"]);
    if (random(3) === 0) headers.push(["If-None-Match", "*"]);
    if (random(3) === 0) headers.push(["X-Amz-Meta-Note", " a  b" + text(10, [..."ab  c"]) + " "]);
    return [one(["GET", "PUT", "POST", "DELETE", "HEAD"]), path, pairs.join("&"), service, one(["us-east-1", "eu-central-1"]),
        "AKI" + random(1e9), "s" + text(30, [..."abcXYZ/+019"]), headers[1][1], hash, ...headers.flat()].join("\t");
}

function read(line) {
    const [method, path, query, service, region, id, key, date, hash, ...rest] = line.split("\t");
    const headers = {};
    for (let i = 0; i < rest.length; i += 2) headers[rest[i]] = rest[i + 1];
    return { method, path, query, service, region, id, key, date, hash, headers };
}

async function bySmithy(r) {
    const iso = r.date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z");
    const query = {};
    for (const pair of r.query === "" ? [] : r.query.split("&")) {
        const [name, value] = pair.split("=").map(decodeURIComponent);
        query[name] = value;
    }
    const signer = new SignatureV4({ service: r.service, region: r.region, sha256: Sha256, uriEscapePath: r.service !== "s3",
        applyChecksum: false, credentials: { accessKeyId: r.id, secretAccessKey: r.key } });
    const signed = await signer.sign({ method: r.method, protocol: "https:", hostname: "", path: r.path, query,
        headers: { ...r.headers, "x-amz-content-sha256": r.hash } }, { signingDate: new Date(iso),
        unsignableHeaders: new Set("x-amz-content-sha256" in r.headers ? [] : ["x-amz-content-sha256"]) });
    return signed.headers.authorization;
}

function byAws4(r) {
    const isSigned = "x-amz-content-sha256" in r.headers;
    const signed = aws4.sign({ method: r.method, path: r.path + (r.query === "" ? "" : "?" + r.query), service: r.service, region: r.region,
        headers: { ...r.headers, "x-amz-content-sha256": r.hash }, extraHeadersToIgnore: isSigned ? {} : { "x-amz-content-sha256": true },
        doNotEncodePath: r.service === "s3" }, { accessKeyId: r.id, secretAccessKey: r.key });
    return signed.headers.Authorization;
}

const [what, ...rest] = process.argv.slice(2);
if (what === "make") {
    for (let i = Number(rest[0]); i > 0; i--) console.log(makeRequest());
} else {
    const [requests, signatures] = rest.map((file) => readFileSync(file, "utf8").trimEnd().split("\n"));
    let wrong = requests.length === signatures.length ? 0 : 1;
    const sum = { smithy: 0, aws4: 0 };
    for (let i = 0; i < requests.length; i++) {
        const request = read(requests[i]);
        for (const [name, theirs] of [["smithy", await bySmithy(request)], ["aws4", byAws4(request)]]) {
            if (theirs === signatures[i]) sum[name]++;
            else if (wrong++ < 5) console.log(`${name} differs:\n  ${requests[i]}\n  ours   ${signatures[i]}\n  theirs ${theirs}`);
        }
    }
    console.log(`${requests.length} requests: ${sum.smithy} signed as @smithy/signature-v4 does, ${sum.aws4} as aws4 does`);
    process.exit(wrong === 0 ? 0 : 1);
}
