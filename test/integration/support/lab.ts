/**
 * The lab of the integration tests: one for a whole run, brought up by the first test that asks for it and
 * taken down by global-setup.ts. Should the run be killed, the next `lab up` of any kind sweeps it, since
 * its containers name the run's process as their owner.
 */
import { inject } from 'vitest';
import { labUp, type HostSpec, type Lab } from '../../../src/lab/index.ts';
import { startWithTestcontainers } from './testcontainers-host.ts';

export interface SharedLabReference {
  readonly name: string;
  readonly owner: string;
  readonly projectRoot: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    sharedLab: SharedLabReference;
  }
}

/** The hosts of the shared lab: each supported Debian once. Tests may change them, and clean up what others would trip over. */
export const SHARED_HOSTS: readonly HostSpec[] = [
  { name: 'test-trixie', site: 'kochi', release: 'trixie' },
  { name: 'test-bookworm', site: 'delhi', release: 'bookworm' },
];

/**
 * The shared lab, up. The first call of a run takes a few seconds (half a minute for each image not yet
 * built), later ones next to nothing; call it in `beforeAll`.
 */
export async function sharedLab(): Promise<Lab> {
  return labUp({ ...inject('sharedLab'), hosts: SHARED_HOSTS, startContainer: startWithTestcontainers });
}

/** A name for a lab of a test's own, and the options that make the run its owner. */
export function ownLab(suffix: string): { readonly name: string; readonly owner: string; readonly projectRoot: string } {
  const shared = inject('sharedLab');
  return { ...shared, name: `${shared.name}-${suffix}` };
}
