/**
 * Values of inventory, playbooks and templates that are in OpenBao or Vault (`!secret vault:PATH#KEY`, helper `vault`): asked for before any host is touched, each path
 * once a run, straight from the controller. What is missing is told at its place, all of it at once.
 */
import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import pLimit from 'p-limit';
import { z } from 'zod';
import type { EncryptedValue } from '../language/encrypted.ts';
import type { Inventory } from '../language/inventory/index.ts';
import { inventoryDirectory } from '../language/secrets/index.ts';
import { parseReference, referencesIn, type VaultReference } from '../language/vault-reference.ts';
import { OPERATOR } from '../services/vault/access.ts';
import { VaultClient, type Data, type Limits } from '../services/vault/client.ts';
import type { VaultAuth } from '../services/vault/login.ts';
import { VaultTrouble } from '../services/vault/trouble.ts';
import { badInput, Diagnostic, DiagnosticList } from '../support/diagnostic.ts';
import { Secret } from '../support/secret.ts';
import { readAuthority } from '../support/x509/authority.ts';
import type { Scope } from '../language/scope-types.ts';

/** The variable that says where the values are. */
const SOURCE = 'care_vault';

const text = z.union([z.string().min(1), z.instanceof(Secret)]).transform((value) => (value instanceof Secret ? value.reveal() : value));
const secret = z.union([z.string().min(1), z.instanceof(Secret)]).transform((value) => (value instanceof Secret ? value : new Secret(value)));
const Source = z.strictObject({
  url: text.refine((url) => /^https:\/\/[^/\s?#@]+$/.test(url) && URL.canParse(url), 'must be an https URL of host and port only'),
  ca: text,
  namespace: z.string().default(''),
  token: secret.optional(),
  role_id: text.optional(),
  secret_id: secret.optional(),
  approle_mount: z.string().default('approle'),
  operator_authority: text.optional(),
});
type Source = z.output<typeof Source>;

/** Seconds for one path, and for all. */
const ONE_SECONDS = 15;
const ALL_SECONDS = 60;
const AT_ONCE = 4;

/** PEM text, or the text of a file, found from the inventory's folder. */
function pem(given: string, inventory: string): string {
  if (given.includes('-----BEGIN ')) return given;
  const file = path.resolve(inventoryDirectory(inventory), given);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw badInput('bad-vault-source', `${SOURCE} names the file ${file}, which can't be read`, { detail: error instanceof Error ? error.message : String(error) });
  }
}

function authOf(source: Source, inventory: string): VaultAuth {
  if (source.token !== undefined) return { type: 'token', token: source.token };
  if (source.role_id !== undefined && source.secret_id !== undefined) return { type: 'approle', mount: source.approle_mount, roleId: source.role_id, secretId: source.secret_id };
  if (source.operator_authority !== undefined) return { type: 'certificate', authority: readAuthority(pem(source.operator_authority, inventory)), ...OPERATOR };
  throw badInput('bad-vault-source', `${SOURCE} does not say how to log in`, { remedy: 'give role_id and secret_id, token, or operator_authority; docs/vault.md' });
}

function clientOf(scope: Scope, inventory: string, first: EncryptedValue): VaultClient {
  if (!scope.has(SOURCE)) throw badInput('no-vault-source', `a value is in a vault, and the variable ${SOURCE} does not say where that is`, { span: first.span, remedy: `set ${SOURCE} (url, ca, and a login) in group_vars/all; docs/vault.md` });
  const parsed = Source.safeParse(scope.get(SOURCE));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badInput('bad-vault-source', `${SOURCE}${issue === undefined || issue.path.length === 0 ? '' : `.${issue.path.join('.')}`}: ${issue?.message ?? 'is not understood'}`, { remedy: 'docs/vault.md' });
  }
  const { hostname, port } = new URL(parsed.data.url);
  const at = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 443 : Number(port), ca: pem(parsed.data.ca, inventory) };
  return new VaultClient({ at, auth: authOf(parsed.data, inventory), namespace: parsed.data.namespace }, () => Promise.resolve({ forward: open }));
}

function open(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: ONE_SECONDS * 1000 }, () => { resolve(socket); });
    socket.once('error', reject);
    socket.once('timeout', () => { socket.destroy(new Error('no connection in time')); });
  });
}

/** The entry at a path: of KV version 2 what is in its `data`. */
function entryOf(data: Data): Data {
  const inner = data['data'];
  return typeof inner === 'object' && inner !== null && 'metadata' in data ? (inner as Data) : data;
}

/** The newest version was deleted; earlier ones are not what is meant. */
function isDeleted(data: Data): boolean {
  return data['data'] === null && 'metadata' in data;
}

function valueAt(reference: VaultReference, data: Data | undefined, value: EncryptedValue): Secret | Diagnostic {
  if (data === undefined || isDeleted(data)) return badInput('vault-value-missing', `the vault has nothing at ${reference.path}${data === undefined ? '' : ' any more: its newest version was deleted'}`, { span: value.span, remedy: 'correct the path, which is as the API has it: of KV version 2 MOUNT/data/ENTRY; or write the entry first' });
  const found = entryOf(data)[reference.key];
  if (typeof found === 'string') return new Secret(found);
  if (typeof found === 'number' || typeof found === 'boolean') return new Secret(String(found));
  return badInput('vault-value-missing', `the entry ${reference.path} of the vault has no ${found === undefined ? '' : 'text at '}key ${reference.key}`, { span: value.span, remedy: 'correct the key, or write it first' });
}

function problemAt(value: EncryptedValue, trouble: VaultTrouble['trouble']): Diagnostic {
  return badInput('vault-value-refused', `the value can't be had from the vault: ${trouble.msg}`, { span: value.span, remedy: trouble.remedy });
}

export interface Wanted {
  readonly inventory: Inventory;
  /** Those that the run works on. */
  readonly hosts: readonly string[];
  /** Further references: of playbooks, roles and template files. */
  readonly references?: readonly EncryptedValue[];
  /** Inventory files or directories. */
  readonly sources: readonly string[];
}

/**
 * Asks for all of them, and hands each to `provide`.
 *
 * @param scope where `care_vault` is found
 * @throws Diagnostic or DiagnosticList when one can't be had
 */
export async function fetchVaultValues({ inventory, hosts, sources, references = [] }: Wanted, scope: Scope, signal: AbortSignal, provide: (reference: string, value: Secret) => void): Promise<void> {
  const values = new Map<string, EncryptedValue>();
  for (const host of [...hosts, 'localhost']) for (const value of referencesIn(inventory.variablesOf(host))) if (!values.has(value.armored)) values.set(value.armored, value);
  for (const value of references) if (!values.has(value.armored)) values.set(value.armored, value);
  const [first] = values.values();
  if (first === undefined) return;
  const client = clientOf(scope, sources[0] ?? '.', first);
  const limits: Limits = { signal: AbortSignal.any([signal, AbortSignal.timeout(ALL_SECONDS * 1000)]), timeoutSeconds: ONE_SECONDS };
  const limit = pLimit(AT_ONCE);
  const answers = new Map<string, Promise<Data | undefined>>();
  const read = (at: string): Promise<Data | undefined> => {
    const known = answers.get(at) ?? limit(() => client.read(at, limits));
    answers.set(at, known);
    return known;
  };
  const problems: Diagnostic[] = [];
  try {
    await Promise.all([...values.values()].map(async (value) => {
      const reference = parseReference(value.armored);
      if (reference === undefined) throw new Error('a reference that was not checked');
      try {
        const found = valueAt(reference, await read(reference.path), value);
        if (found instanceof Secret) provide(value.armored, found);
        else problems.push(found);
      } catch (error) {
        if (!(error instanceof VaultTrouble)) throw error;
        problems.push(problemAt(value, error.trouble));
      }
    }));
  } finally {
    await client.close();
  }
  const [one, ...more] = problems.sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  if (one !== undefined) throw more.length === 0 ? one : new DiagnosticList([one, ...more]);
}
