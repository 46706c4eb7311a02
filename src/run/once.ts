/** Tasks that are carried out once for all hosts, when other workers have some of these. */
import type { OnceSlot, PlayState } from './context.ts';
import type { Position } from './rendezvous.ts';

/**
 * Learns how the task has ended where another worker's host leads, or where a worker that had this share before has carried it out. The first
 * of our hosts asks for all of them.
 */
export async function settleElsewhere({ shared }: Pick<PlayState, 'shared'>, slot: OnceSlot, position: Position, { host, together }: { readonly host: string; readonly together: readonly string[] }): Promise<void> {
  if (shared === undefined) return;
  const [leader = host, second] = together;
  const foreign = !shared.together.owns(leader);
  if (host !== (foreign ? second : leader)) return;
  let failed: boolean | undefined = true;
  try {
    failed = await shared.together.outcome(shared.at, position, foreign);
  } finally {
    if (failed !== undefined) slot.resolve({ register: undefined, facts: undefined, failed, unknownBecause: undefined });
  }
}

export async function concludeOnce({ shared }: Pick<PlayState, 'shared'>, position: Position, leader: string, failed: boolean): Promise<void> {
  await shared?.together.conclude(shared.at, position, leader, failed);
}
