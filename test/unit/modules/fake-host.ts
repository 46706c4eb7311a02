/** A HostView made of data, for planning without a host. `golden.ts` documents the fields. */
import { createHash } from 'node:crypto';
import type { SiteArtifacts } from '../../../src/artifacts/site.ts';
import type { AnyQuery, Query } from '../../../src/host/query.ts';
import { FactsNeeded, type BaseFacts, type HostView, type LocalFile, type LocalTree } from '../../../src/host/view.ts';
import { badInput } from '../../../src/support/diagnostic.ts';
import type { Secret } from '../../../src/support/secret.ts';

/** Nothing is known of upstream files, and there is no mirror. */
export const noArtifacts: SiteArtifacts = { catalogue: { artifacts: [], accepted: [] }, needs: () => [], mirrors: [] };

export const fakeBase: BaseFacts = {
  hostname: 'h1',
  fqdn: 'h1.example.test',
  system: 'Linux',
  kernel: '6.12.0',
  architecture: 'x86_64',
  distribution: 'Debian',
  distribution_version: '13.1',
  distribution_major_version: '13',
  distribution_release: 'trixie',
  os_family: 'Debian',
  pkg_mgr: 'apt',
  service_mgr: 'systemd',
  virtualization_type: 'none',
  user_id: 'root',
  processor_vcpus: 2,
  memtotal_mb: 4096,
  boot_id: '00000000-0000-0000-0000-000000000001',
  machine_id: '00000000000000000000000000000001',
  default_ipv4: { address: '192.0.2.10', interface: 'eth0', gateway: '192.0.2.1' },
  all_ipv4_addresses: ['192.0.2.10'],
  all_ipv6_addresses: [],
  epoch: 1_800_000_000,
};

export interface FakeHost {
  readonly user?: string | undefined;
  readonly check?: boolean | undefined;
  readonly facts?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  readonly uncertain?: Readonly<Record<string, string>> | undefined;
  readonly base?: Readonly<Record<string, unknown>> | undefined;
  readonly local?: Readonly<Record<string, { readonly content: string | Buffer; readonly mode?: string | undefined }>> | undefined;
  readonly trees?: Readonly<Record<string, readonly { readonly path: string; readonly type: 'file' | 'directory' | 'link'; readonly target?: string | undefined }[]>> | undefined;
  readonly artifacts?: SiteArtifacts | undefined;
  readonly templates?: Readonly<Record<string, string | Secret>> | undefined;
}

/** A controller file of the given content. */
export function fakeFile(path: string, content: string | Buffer, mode = '0644'): LocalFile {
  const bytes = Buffer.from(content);
  return { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), mode, bytes: () => bytes };
}

function lookUp(given: FakeHost, query: AnyQuery): unknown {
  const id = query.id.slice(query.kind.name.length + 1);
  const facts = given.facts?.[query.kind.name];
  if (facts !== undefined && id in facts) return facts[id];
  if (query.kind.paths(query.key).length > 0) return query.kind.absent(query.key);
  throw new FactsNeeded([query]);
}

/** @throws FactsNeeded from `fact`, for a fact that is neither given nor about a path */
export function fakeHost(given: FakeHost): HostView {
  return {
    name: 'h1',
    checkMode: given.check ?? false,
    user: given.user ?? 'root',
    base: { ...fakeBase, ...given.base },
    // The case's author answers for the type of the facts written down.
    fact: <F>(query: Query<F>): F => lookUp(given, query) as F,
    uncertain: (query) => given.uncertain?.[query.id],
    beforeJoin: () => undefined,
    touched: (query) => given.uncertain?.[query.id],
    localFile(src) {
      if (given.trees?.[src] !== undefined) throw badInput('is-a-directory', `${src} is a directory`);
      const file = given.local?.[src];
      if (file === undefined) throw badInput('no-such-file', `there is no file ${src}`);
      return fakeFile(`/controller/${src}`, file.content, file.mode);
    },
    localTree(src) {
      const entries = given.trees?.[src];
      if (entries === undefined) throw badInput('no-such-folder', `there is no folder ${src}`);
      const tree: LocalTree = {
        root: src,
        entries: entries.map((e) => (e.target === undefined ? { path: e.path, type: e.type } : { path: e.path, type: e.type, target: e.target })),
      };
      return tree;
    },
    artifacts: () => given.artifacts ?? noArtifacts,
    render(src) {
      const text = given.templates?.[src];
      if (text === undefined) throw badInput('no-such-template', `there is no template ${src}`);
      return text;
    },
  };
}
