/** Formats and encodings. */
import { createHash, createHmac } from 'node:crypto';
import { parseDocument, stringify } from 'yaml';
import { Secret } from '../../../support/secret.ts';
import { sha512Crypt } from '../../../support/sha-crypt.ts';
import type { Value, ValueMap } from '../../../support/value.ts';
import { HelperProblem } from '../problems.ts';
import { parseReference } from '../../vault-reference.ts';
import { flag, map, scalarText, text, type Helper } from './types.ts';

/** Canonical YAML for any reader: texts that YAML 1.1 or 1.2 would take for something else are quoted. */
export function toYaml(value: Value): string {
  return stringify(value, { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false }).replace(/\n$/, '');
}

function fromYaml(source: string): Value {
  const document = parseDocument(source, { version: '1.2', uniqueKeys: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw new HelperProblem(`the text is not YAML: ${problem.code}`);
  return plain(document.toJS({ maxAliasCount: 100 }));
}

function plain(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) throw new HelperProblem('a number in the text cannot be kept exactly');
    return value;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  throw new HelperProblem('the text holds something that is not a plain value');
}

/** RFC 7519, with the one header that every reader of HS256 takes. Claims in the order in which they were given. */
function jsonWebToken(claims: ValueMap, secret: string): string {
  if (Object.values(claims).some((value) => value instanceof Secret)) throw new HelperProblem('a claim is a secret, and whoever has the token reads its claims', 'leave it out: the token is signed, not sealed');
  const part = (of: unknown): string => Buffer.from(JSON.stringify(of)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

export function fromJson(source: string): Value {
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    // JSON.parse quotes the text in its message, which may be a secret: the message is not passed on.
    throw new HelperProblem('the text is not JSON');
  }
  return plain(parsed);
}

/** @throws HelperProblem when it is not base64, or not UTF-8 below */
export function decodeBase64(source: string): string {
  const compact = source.replaceAll(/\s/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)) throw new HelperProblem('the text is not base64');
  const bytes = Buffer.from(compact, 'base64');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new HelperProblem('what is encoded is not UTF-8 text');
    throw error;
  }
}

export const ENCODING_HELPERS: readonly Helper[] = [
  {
    name: 'to_json', group: 'Formats and encodings', usage: 'to_json value pretty=false', summary: 'The value as JSON, on one line or with `pretty=true` indented by two',
    example: { template: '{{ to_json m }}', variables: { m: { a: [1, true] } }, result: '{"a":[1,true]}' },
    min: 1, max: 1, options: ['pretty'], kind: 'plain', secrets: 'contain',
    call: ([value = null], options) => JSON.stringify(value, null, flag(options, 'pretty') ? 2 : 0),
  },
  {
    name: 'to_yaml', group: 'Formats and encodings', usage: 'to_yaml value', summary: 'The value as YAML without a final line break; put it deeper with `indent`',
    example: { template: '{{ to_yaml m }}', variables: { m: { a: [1, 'no'] } }, result: 'a:\n  - 1\n  - "no"' },
    min: 1, max: 1, kind: 'plain', secrets: 'contain', call: ([value = null]) => toYaml(value),
  },
  {
    name: 'from_json', group: 'Formats and encodings', usage: 'from_json text', summary: 'The value that a JSON text stands for',
    example: { template: '{{ get (from_json out) "a" }}', variables: { out: '{"a": 1}' }, result: 1 },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => fromJson(text(args, 0)),
  },
  {
    name: 'from_yaml', group: 'Formats and encodings', usage: 'from_yaml text', summary: 'The value that a YAML 1.2 text stands for',
    example: { template: '{{ get (from_yaml out) "a" }}', variables: { out: 'a: yes' }, result: 'yes' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => fromYaml(text(args, 0)),
  },
  {
    name: 'b64', group: 'Formats and encodings', usage: 'b64 text', summary: 'The text (UTF-8) in base64 (RFC 4648, section 4), on one line',
    example: { template: '{{ b64 "user:pw" }}', result: 'dXNlcjpwdw==' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: ([value]) => Buffer.from(scalarText(value, 'the argument'), 'utf8').toString('base64'),
  },
  {
    name: 'b64_decode', group: 'Formats and encodings', usage: 'b64_decode text', summary: 'The UTF-8 text that base64 stands for; anything else is an error',
    example: { template: '{{ b64_decode "aGk=" }}', result: 'hi' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => decodeBase64(text(args, 0)),
  },
  {
    name: 'sha256', group: 'Formats and encodings', usage: 'sha256 text', summary: 'SHA-256 of the text (UTF-8), in hexadecimal',
    example: { template: '{{ sha256 "" }}', result: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: ([value]) => createHash('sha256').update(scalarText(value, 'the argument')).digest('hex'),
  },
  {
    name: 'password_hash', group: 'Formats and encodings', usage: 'password_hash text salt', summary: 'The SHA-512-crypt hash of a password (`$6$…`, crypt(5)). Of the salt (letters, digits, `.` and `/`) the first 16 characters count: take one that stays, such as `sha256` of the names of host and login, or every run would find another hash',
    example: { template: '{{ password_hash "Hello world!" "saltstring" }}', result: '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1' },
    min: 2, max: 2, kind: 'plain', secrets: 'reveal', call: (args) => sha512Crypt(text(args, 0), text(args, 1)),
  },
  {
    name: 'jwt', group: 'Formats and encodings', usage: 'jwt claims secret', summary: 'A JSON Web Token (RFC 7519) that holds the claims, signed with the secret (HS256): the same claims and secret give the same token. Let it end with `exp`, in seconds since 1970',
    example: { template: '{{ jwt (dict "sub" "me") "key" }}', result: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtZSJ9.PmECbsXjdLTMmSQ6a4JW49cmS_hV97wSxBztceQOal8' },
    min: 2, max: 2, kind: 'plain', secrets: 'reveal', call: (args) => jsonWebToken(map(args, 0), text(args, 1)),
  },
  {
    // The example's secret is not registered: "a-lab", and with it every "data-label", would be masked in all that is shown.
    name: 'secret', group: 'Formats and encodings', usage: 'secret text', summary: 'The text as a secret: masked wherever it would be shown, and taken by options that want one. For what is made of other values; what is kept in a file belongs encrypted',
    example: { template: '{{ secret (concat "a-" name) }}', variables: { name: 'lab' }, result: Secret.derived('a-lab') },
    min: 1, max: 1, kind: 'plain', secrets: 'keep', call: ([value]) => (value instanceof Secret ? value : new Secret(scalarText(value, 'the argument'))),
  },
  {
    name: 'vault', group: 'Formats and encodings', usage: 'vault "PATH#KEY"', summary: 'A value that is in OpenBao or Vault, as a secret; written out, since it is asked for before the run begins (`docs/vault.md`)',
    example: { template: '{{ vault "secret/data/care/mail#password" }}', result: Secret.derived('vault:secret/data/care/mail#password') },
    min: 1, max: 1, kind: 'reference', reference: (path) => (parseReference(`vault:${path}`) === undefined ? undefined : `vault:${path}`),
  },
  {
    name: 'url_encode', group: 'Formats and encodings', usage: 'url_encode text', summary: 'The text for a part of a URL, percent-encoded (RFC 3986)',
    example: { template: '{{ url_encode "a b/c" }}', result: 'a%20b%2Fc' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal',
    // Through UTF-8 and back, so that half a surrogate pair, which encodeURIComponent refuses, becomes U+FFFD.
    call: ([value]) => encodeURIComponent(Buffer.from(scalarText(value, 'the argument'), 'utf8').toString('utf8')).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
  },
];
