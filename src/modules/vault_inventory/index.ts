import { failed, ok } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { checkVault } from './check.ts';
import { VaultInventoryArgs } from './schema.ts';

export const vaultInventory = defineModule({
  name: 'vault_inventory',
  summary: 'Refuse an inventory that makes no sound cluster of OpenBao or Vault',
  description: `Asks no host: numbers and addresses of members, seals that lack what they need, what only one of the two flavours has. Where its arguments can be
told before a run, it is judged before any host is touched, by \`validate\` too. Used by role \`vault\`.`,
  args: VaultInventoryArgs,
  examples: [
    {
      title: 'Three members that people open',
      yaml: `vault_inventory:
  members:
    - { name: v1, address: 192.0.2.11 }
    - { name: v2, address: 192.0.2.12 }
    - { name: v3, address: 192.0.2.13 }
  key_holders: "{{ vault_key_holders }}"`,
    },
  ],
  secretArgs: ['seal_key', 'seal_key_previous', 'transit_token', 'snapshot_s3_secret_key'],
  refuses: checkVault,
  plan(args) {
    const problems = checkVault(args);
    return problems.length === 0 ? ok() : failed(problems.join('\n'), 'change the inventory');
  },
});
