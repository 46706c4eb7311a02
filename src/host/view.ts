/** What a module's plan may know of the host, and the two ways in which it can lack knowledge. */
import type { SiteArtifacts } from '../artifacts/site.ts';
import type { Secret } from '../support/secret.ts';
import type { AnyQuery, ErasedKind, Query } from './query.ts';

/** Thrown by {@link HostView.fact}: the engine observes these and plans again. */
export class FactsNeeded extends Error {
  override readonly name = 'FactsNeeded';
  readonly queries: readonly AnyQuery[];
  constructor(queries: readonly AnyQuery[]) {
    super(`facts needed: ${queries.map((q) => q.id).join(', ')}`);
    this.queries = queries;
  }
}

/** A file on the controller, as a role or playbook ships it. */
export interface LocalFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Mode bits as octal text, e.g. `0755`. */
  readonly mode: string;
  bytes(): Buffer;
}
export interface LocalTree {
  readonly root: string;
  /** Relative paths with `/`, sorted; directories before what they hold. */
  readonly entries: readonly { readonly path: string; readonly type: 'file' | 'directory' | 'link'; readonly target?: string }[];
}

/** Facts that every host has, observed before a play's first task (names as Ansible's `ansible_*`). */
export interface BaseFacts {
  readonly hostname: string;
  readonly fqdn: string;
  readonly system: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly distribution: string;
  readonly distribution_version: string;
  readonly distribution_major_version: string;
  readonly distribution_release: string;
  readonly os_family: string;
  readonly pkg_mgr: string;
  readonly service_mgr: string;
  readonly virtualization_type: string;
  readonly user_id: string;
  readonly processor_vcpus: number;
  readonly memtotal_mb: number;
  readonly boot_id: string;
  readonly machine_id: string;
  readonly default_ipv4: { readonly address: string; readonly interface: string; readonly gateway: string } | null;
  readonly all_ipv4_addresses: readonly string[];
  readonly all_ipv6_addresses: readonly string[];
  /** Seconds since the epoch on the host when asked. */
  readonly epoch: number;
}

export interface HostView {
  readonly name: string;
  readonly checkMode: boolean;
  /** The user that the task's scripts run as. */
  readonly user: string;
  readonly base: BaseFacts;
  /** The fact, as far as this run knows. @throws FactsNeeded when it was not asked yet */
  fact<F>(query: Query<F, ErasedKind>): F;
  /**
   * Why the fact cannot be relied on: in check mode, the earlier change that would make it unknown
   * (`fact` then gives the value from before). Undefined when it can.
   */
  uncertain(query: AnyQuery): string | undefined;
  /**
   * The same, but only when that change is about this very thing (an archive unpacked into the directory, say). A command or
   * an installation may touch anything and mostly does not: what is there now is then the best guess.
   */
  touched(query: AnyQuery): string | undefined;
  /**
   * The fact as it was before the changes that wait to be sent, when all that is to come is joined to them by this key;
   * undefined when none waits, or it is not known. Only for deciding that such a change is needed too.
   */
  beforeJoin<F>(key: string, query: Query<F, ErasedKind>): F | undefined;
  /** A controller file, looked up as Ansible does: absolute, or in the role's `files/`, or beside the playbook. @throws Diagnostic bad-input */
  localFile(src: string): LocalFile;
  localTree(src: string): LocalTree;
  /** A template (`templates/*.hbs` of the role, or beside the playbook) rendered with the task's variables. @throws Diagnostic bad-input */
  render(src: string): string | Secret;
  /** What is known of upstream files: `artifacts.yml`, the playbooks' needs, the host's mirrors. @throws Diagnostic bad-input */
  artifacts(): SiteArtifacts;
}
