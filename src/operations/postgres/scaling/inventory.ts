/** What an inventory says of scaling: the pool, the policy, and which of the pool's hosts are members. Touches no host. */
import { loadInventory } from '../../../language/inventory/index.ts';
import { inventorySecrets } from '../../../language/secrets/index.ts';
import { optionalText } from '../../../run/identity.ts';
import { Variables } from '../../../run/variables.ts';
import type { ClusterRequest } from '../../inventory.ts';
import type { Membership } from './decide.ts';
import { POOL_GROUP, readScaling, scalingFile, type ScalingFile } from './membership.ts';
import { readPolicy, type ScalingPolicy } from './policy.ts';

export interface ScalingInventory {
  readonly policy: ScalingPolicy;
  readonly membership: Membership;
  readonly file: string;
  readonly content: ScalingFile;
}

/** @throws Diagnostic (bad input) when the inventory is no directory, or its policy or state file is not as it must be */
export function readScalingInventory(request: ClusterRequest): ScalingInventory {
  const secrets = inventorySecrets(request.inventory);
  const inventory = loadInventory(request.inventory, { decryptFile: secrets.decryptFile });
  const variables = new Variables({ inventory, extraVars: request.extraVars, mode: 'verify', diff: false, decrypt: secrets.decrypt });
  const file = scalingFile(request.inventory[0] ?? '');
  const content = readScaling(file);
  const groups = inventory.groups();
  const members = groups.includes('postgres') ? inventory.hostsOfGroup('postgres') : [];
  const pool = groups.includes(POOL_GROUP) ? inventory.hostsOfGroup(POOL_GROUP) : [];
  const [first] = members;
  const scope = first === undefined ? undefined : variables.hostScope(first);
  return {
    policy: readPolicy(scope?.has('postgres_scaling_policy') === true ? scope.get('postgres_scaling_policy') : undefined),
    file,
    content,
    membership: {
      free: pool.filter((name) => !members.includes(name)),
      added: content.added.filter((name) => members.includes(name)),
      changedAt: content.changedAt === undefined ? undefined : Date.parse(content.changedAt) / 1000,
      synchronous: (scope === undefined ? undefined : optionalText(scope, 'postgres_synchronous_mode')) !== 'off',
    },
  };
}

/** The state file after an action. */
export function afterwards(content: ScalingFile, action: { readonly type: 'add' | 'remove'; readonly host: string }, now: Date): ScalingFile {
  const rest = content.added.filter((name) => name !== action.host);
  return { added: action.type === 'add' ? [...rest, action.host] : rest, changedAt: now.toISOString() };
}
