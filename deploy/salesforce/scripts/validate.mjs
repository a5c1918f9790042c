// Checks every metadata file against Salesforce's own schema (generated from its WSDL): unknown and missing elements,
// numbers and booleans. `sf project convert source` notices none of these.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';

const { ApiSchemas } = createRequire(import.meta.url)('@jsforce/jsforce-node/lib/api/metadata/schema.js');
const KINDS = { number: /^-?\d+(\.\d+)?$/, boolean: /^(true|false)$/ };
const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false });

function propsOf(type) {
    const schema = ApiSchemas[type];
    return schema && { ...(schema.extends && propsOf(schema.extends)), ...schema.props };
}

function* problemsIn(node, type, where) {
    const props = propsOf(type);
    for (const name of Object.keys(node)) {
        if (!(name in props)) yield `${where}: ${type} knows no <${name}>`;
    }
    for (const [name, declared] of Object.entries(props)) {
        const many = Array.isArray(declared);
        const [, optional, kind] = /^(\??)(.*)$/.exec(many ? declared[0] : declared);
        const values = [node[name] ?? []].flat();
        if (!values.length && !many && !optional) yield `${where}: ${type} lacks <${name}>`;
        if (values.length > 1 && !many) yield `${where}: ${type} holds only one <${name}>`;
        for (const value of values) {
            if (ApiSchemas[kind]) yield* problemsIn(value || {}, kind, where);
            else if (KINDS[kind] && !KINDS[kind].test(value)) yield `${where}: <${name}> is no ${kind}: ${value}`;
        }
    }
}

export function problemsOf(text, where) {
    const checked = XMLValidator.validate(text);
    if (checked !== true) return [`${where}:${checked.err.line}: ${checked.err.msg}`];
    const [type, ...more] = Object.keys(parser.parse(text)).filter((name) => name !== '?xml');
    if (more.length || !ApiSchemas[type]) return [`${where}: no metadata type ${type}`];
    return [...problemsIn(parser.parse(text)[type] || {}, type, where)];
}

const root = process.argv[2] ?? join(import.meta.dirname, '..', 'force-app');
const files = readdirSync(root, { recursive: true }).filter((name) => name.endsWith('-meta.xml'));
const problems = files.flatMap((name) => problemsOf(readFileSync(join(root, name), 'utf8'), name));
console.log([...problems, `${files.length} metadata files, ${problems.length} problems`].join('\n'));
process.exitCode = problems.length || !files.length ? 1 : 0;
