/** `vault token`. */
import { makeToken } from '../../operations/vault/token.ts';
import { badInput, ExitStatus } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { VaultTokenFlags } from '../commands/vault.ts';
import type { CliContext } from '../context.ts';
import { asOperator, leaderOf } from './vault-keys.ts';
import { withVault } from './vault.ts';

const PERIOD = /^[1-9][0-9]{0,5}[mh]$/;

/** The token alone goes to standard output, so that it can be passed on without being shown; what people want to know goes to standard error. */
export async function vaultTokenAction(context: CliContext, inventory: string, flags: VaultTokenFlags): Promise<ExitStatus> {
  if (!PERIOD.test(flags.period)) throw badInput('bad-period', `${flags.period} is no period`, { remedy: 'minutes or hours, such as 30m or 24h' });
  return withVault(context, inventory, flags, undefined, async (at) => {
    const { cluster, observer } = at;
    const { host } = leaderOf(cluster, await observer.look());
    const { token, accessor } = await asOperator(at, host, (operator) => makeToken(operator, { policies: flags.policy, period: flags.period }, { ...observer.limits, timeoutSeconds: 30 }));
    context.stderr.write(`a token for ${safeLine(flags.policy.join(', '))}, which ends ${flags.period} after it was renewed last; to revoke it: auth/token/revoke-accessor, accessor ${safeLine(accessor)}\n`);
    context.stdout.reveal(flags.output === 'json' ? new Secret(JSON.stringify({ cluster: cluster.name, token: token.reveal(), accessor, policies: flags.policy, period: flags.period }, undefined, 2)) : token);
    context.stdout.write('\n');
    return ExitStatus.ok;
  });
}
