/** `vault token`: a token for a service that keeps it for long, such as the seal of another cluster. It may do what its policies say, and no more. */
import { z } from 'zod';
import { ACCESS_POLICIES } from '../../services/vault/access.ts';
import type { Limits, VaultClient } from '../../services/vault/client.ts';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { Secret } from '../../support/secret.ts';

export interface TokenWish {
  readonly policies: readonly string[];
  /** How long it lives after each renewal, as the server writes durations: `24h`. */
  readonly period: string;
}

export interface TokenMade {
  readonly token: Secret;
  /** By which it can be looked at and revoked without knowing it. */
  readonly accessor: string;
}

const Made = z.object({ auth: z.object({ client_token: z.string(), accessor: z.string() }) });

/** Policies that no token of a service may have: everything, and what people and members come with certificates for. */
const KEPT: readonly string[] = ['root', ...ACCESS_POLICIES];

/**
 * Makes a periodic token without a parent, so that it outlives whoever asked for it.
 *
 * @throws Diagnostic `no-policy`, `kept-policy` (bad input, nothing is made); VaultTrouble
 */
export async function makeToken(operator: VaultClient, wish: TokenWish, limits: Limits): Promise<TokenMade> {
  const there = await operator.list('sys/policies/acl', limits);
  for (const name of wish.policies) {
    if (KEPT.includes(name)) throw badInput('kept-policy', `a token with policy ${name} could be taken by whoever reads it`, { remedy: 'write a policy that allows what the service needs (vault_policies of role vault_data)' });
    if (!there.includes(name)) throw badInput('no-policy', `there is no policy ${name}`, { remedy: suggestion(name, there) ?? 'declare it first (vault_policies of role vault_data), and apply playbooks/vault-data.yml' });
  }
  const { auth } = Made.parse(await operator.write('auth/token/create', { policies: [...wish.policies], no_parent: true, period: wish.period, display_name: 'care-provision' }, limits));
  return { token: new Secret(auth.client_token), accessor: auth.accessor };
}
