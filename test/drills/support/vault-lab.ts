/** Three lab hosts with a real OpenBao, and three people who hold its keys. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'vitest';
import { z } from 'zod';
import { cacheDirectory, cachedPath } from '../../../src/artifacts/cache.ts';
import { findArtifact } from '../../../src/artifacts/catalogue.ts';
import type { Lab } from '../../../src/lab/index.ts';
import { loadCatalogue } from '../../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { OPERATOR } from '../../../src/services/vault/access.ts';
import { VaultClient, type Limits } from '../../../src/services/vault/client.ts';
import { readAuthority, type Authority } from '../../../src/support/x509/authority.ts';
import { hostVariables, type LabProject } from '../../integration/support/lab-project.ts';
import type { Result } from '../../unit/run/support.ts';

export const MEMBERS = ['v1', 'v2', 'v3'] as const;
export const PEOPLE = ['asha', 'binu', 'chitra'] as const;
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', '..', 'playbooks', name);
export const PLAYBOOKS = ['base.yml', 'pki.yml', 'vault.yml'].map(book);
/** Without the firewall and the rest of role base, for what is about something else. */
export const PLAIN_PLAYBOOKS = ['pki.yml', 'vault.yml', 'vault-data.yml'].map(book);

/** Whether the real program is at hand; without it, the drills are skipped. */
export function hasOpenBao(): boolean {
  const found = findArtifact(loadCatalogue([]), 'openbao', '2.7.2');
  return found.type === 'found' && existsSync(cachedPath(cacheDirectory(), found.artifact.sha256['linux/amd64'] ?? ''));
}

const Status = z.object({ healthy: z.boolean(), problems: z.array(z.string()), members: z.array(z.object({ name: z.string(), state: z.string(), active: z.boolean(), version: z.string().nullable() })), peers: z.array(z.object({ name: z.string(), voter: z.boolean() })).nullable() });
export type Status = z.output<typeof Status>;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class VaultLab {
  readonly lab: Lab;
  readonly project: LabProject;
  readonly #hosts: readonly string[];
  #recipients: readonly string[] = [];

  /** @param hosts those of the lab that the project knows */
  constructor(lab: Lab, project: LabProject, hosts: readonly string[] = lab.state.hosts.map(({ name }) => name)) {
    this.lab = lab;
    this.project = project;
    this.#hosts = hosts;
  }

  identityFile(person: string): string {
    return path.join(this.project.dir, 'people', `${person}.txt`);
  }

  async makePeople(): Promise<void> {
    mkdirSync(path.join(this.project.dir, 'people'), { recursive: true });
    this.#recipients = await Promise.all(PEOPLE.map(async (name) => {
      const identity = await generateX25519Identity();
      writeFileSync(this.identityFile(name), `${identity}\n`, { mode: 0o600 });
      return identityToRecipient(identity);
    }));
  }

  /** The people as `vault_key_holders` names them. */
  holders(): readonly { readonly name: string; readonly recipient: string | undefined }[] {
    return PEOPLE.map((name, i) => ({ name, recipient: this.#recipients[i] }));
  }

  /** As the operator, at whoever leads. */
  async asOperator<T>(work: (operator: VaultClient, limits: Limits) => Promise<T>): Promise<T> {
    const read = (name: string): Authority => readAuthority(readFileSync(path.join(this.project.dir, '.care', 'pki', name), 'utf8'));
    const host = this.address(await this.leader());
    const login = { at: { host, port: 8200, ca: read('authority.pem').current.certificate.pem }, auth: { type: 'certificate' as const, authority: read('vault-care.pem'), ...OPERATOR }, namespace: '' };
    const client = new VaultClient(login, () => Promise.resolve({ forward: (to, port) => new Promise((resolve, reject) => { const socket = connect(port, to, () => { resolve(socket); }); socket.once('error', reject); }) }));
    try {
      return await work(client, { signal: new AbortController().signal, timeoutSeconds: 60 });
    } finally {
      await client.close();
    }
  }

  address(host: string): string {
    return String(hostVariables(this.lab, host)['ansible_host']);
  }

  writeInventory(vars: Readonly<Record<string, unknown>> = {}, members: readonly string[] = MEMBERS): void {
    const hosts = Object.fromEntries(this.#hosts.map((name) => [name, { ...hostVariables(this.lab, name), lab_address: this.address(name) }]));
    const all = {
      time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
      vault_key_holders: this.holders(), vault_key_threshold: 2, ...vars,
    };
    this.project.write('inventory.yml', JSON.stringify({ all: { vars: all, hosts, children: { vault: { hosts: Object.fromEntries(members.map((m) => [m, null])) } } } }));
  }

  run(options: Partial<RunOptions> = {}): Promise<Result> {
    return this.project.run({ playbooks: PLAYBOOKS, ...options });
  }

  vault(...words: readonly string[]): Promise<Ended> {
    const [verb = '', ...more] = words;
    return this.project.start(['vault', verb, 'inventory.yml', ...more]).ended;
  }

  async status(): Promise<Status> {
    const { stdout, stderr } = await this.vault('status', '--output', 'json');
    expect(stderr).toBe('');
    return Status.parse(JSON.parse(stdout));
  }

  /** So many people give their shares. */
  unseal(people: readonly string[] = PEOPLE.slice(0, 2), ...more: readonly string[]): Promise<Ended> {
    return this.vault('unseal', ...people.flatMap((p) => ['--identity', this.identityFile(p)]), ...more);
  }

  async leader(): Promise<string> {
    return (await this.status()).members.find((m) => m.active)?.name ?? '';
  }
}

export const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
