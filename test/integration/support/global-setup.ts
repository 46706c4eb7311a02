/** Around each run of the integration tests: names their lab, and takes it down at the end if a test brought it up. */
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { labDown, listLabs, ownerOf } from '../../../src/lab/index.ts';
import type { SharedLabReference } from './lab.ts';

export function setup(project: TestProject): () => Promise<void> {
  // A lab per run, since several runs may go on in one checkout.
  const reference: SharedLabReference = {
    name: `care-provision-test-${process.pid}`,
    owner: ownerOf(process.pid),
    projectRoot: fileURLToPath(new URL('../../..', import.meta.url)),
  };
  project.provide('sharedLab', reference);
  return async () => {
    const down = async (name: string): Promise<unknown> => labDown({ projectRoot: reference.projectRoot, name });
    await down(reference.name).catch((cause: unknown) => {
      // Tests that need no lab run on machines without docker too: then there is nothing to take down.
      if (!(cause instanceof Error && 'code' in cause && (cause.code === 'docker-unreachable' || cause.code === 'program-missing'))) throw cause;
    });
    // Labs of tests whose own clean-up did not come so far, as when a `beforeAll` fails half-way.
    for (const { name } of await listLabs()) if (name.startsWith(`${reference.name}-`)) await down(name);
  };
}
