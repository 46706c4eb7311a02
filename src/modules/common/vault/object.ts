/** What is at a path of a server: the fact that modules for declared data decide on. What the server says, a refusal included, is the fact. */
import { defineServiceQuery } from '../../../host/define-query.ts';
import type { ErasedServiceKind, Query } from '../../../host/query.ts';
import { converge, failed, type Change, type Plan } from '../../../host/plan.ts';
import { FactsNeeded, type HostView } from '../../../host/view.ts';
import type { ServicePort } from '../../../services/port.ts';
import { vault, type Data, type Limits, type VaultClient } from '../../../services/vault/client.ts';
import { loginId, type VaultLogin } from '../../../services/vault/login.ts';
import { VaultTrouble, type Trouble } from '../../../services/vault/trouble.ts';
import { Diagnostic } from '../../../support/diagnostic.ts';
import { planned as refusable, refuse, undecided } from '../refused.ts';
import { loginOf, type LoginArgs } from './login.ts';

export { refuse } from '../refused.ts';

export type Answer = { readonly ok: true; /** null: there is nothing. */ readonly data: Data | null } | { readonly ok: false; readonly trouble: Trouble };

export interface ObjectKey {
  readonly login: VaultLogin;
  readonly path: string;
}

/** Seconds for a question. */
const ASK_SECONDS = 30;

async function one(client: VaultClient, path: string, limits: Limits): Promise<Answer> {
  try {
    return { ok: true, data: (await client.read(path, limits)) ?? null };
  } catch (error) {
    if (!(error instanceof VaultTrouble)) throw error;
    return { ok: false, trouble: error.trouble };
  }
}

const kind = defineServiceQuery<ObjectKey, Answer>({
  name: 'vault-object',
  id: (key) => `${loginId(key.login)} ${key.path}`,
  describe: (key) => `${key.path} of the vault at ${key.login.at.host}`,
  answer: (keys, port: ServicePort) => Promise.all(keys.map((key) => one(port.clients.get(vault, key.login), key.path, { signal: port.signal, timeoutSeconds: Math.min(port.timeoutSeconds, ASK_SECONDS) }))),
  // Its data may be secret: that it is there is all that is told.
  show: (fact) => (fact.ok ? (fact.data === null ? 'nothing' : 'something') : fact.trouble.msg),
  // Changes say what they forget; what a server makes of what it was told is seen by asking again.
  after: ['unit', 'vault-cluster'],
  passing: (fact) => !fact.ok,
});

export function vaultObject(login: VaultLogin, path: string): Query<Answer, ErasedServiceKind> {
  return kind({ login, path });
}

/** Where the login is not known yet: in check mode, a cluster that is still to be made. */
export type Ground = { readonly type: 'server'; readonly login: VaultLogin } | { readonly type: 'none yet' };

export function groundOf(args: LoginArgs, host: HostView): Ground {
  const login = loginOf(args, host);
  if (login !== undefined) return { type: 'server', login };
  if (host.checkMode) return { type: 'none yet' };
  return refuse('the CA does not exist', 'apply the role vault first, which makes it');
}

/**
 * What is at a path; null for nothing. Ends the planning when the server does not tell.
 *
 * @param nothing words with which the server refuses to say that there is nothing
 */
export function known(host: HostView, ground: Ground, path: string, nothing?: RegExp): Data | null {
  if (ground.type === 'none yet') return null;
  const query = vaultObject(ground.login, path);
  const fact = host.fact(query);
  if (fact.ok) return fact.data;
  const { trouble } = fact;
  if (trouble.kind === 'refused' && nothing?.test(trouble.msg) === true) return null;
  if (host.checkMode && trouble.kind !== 'refused') undecided(`the server does not tell what it holds: ${trouble.msg}`);
  return refuse(trouble.msg, trouble.remedy);
}

/** Runs a plan that may be refused by what the server says, or by how it is logged in to. */
export function planned(decide: () => Plan): Plan {
  return refusable(() => {
    try {
      return decide();
    } catch (error) {
      if (error instanceof Diagnostic && error.kind === 'failed') return failed(error.message, error.remedy);
      throw error;
    }
  });
}

/** What to ask ahead. */
export function asked(args: LoginArgs, host: HostView, paths: readonly string[]): readonly Query<Answer, ErasedServiceKind>[] {
  try {
    const login = loginOf(args, host);
    return login === undefined ? [] : paths.map((path) => vaultObject(login, path));
  } catch (error) {
    if (error instanceof FactsNeeded) throw error;
    // Told by the plan.
    return [];
  }
}

export interface Writing {
  readonly resource: string;
  readonly what: string;
  readonly before: string;
  readonly after: string;
  /** Paths that are asked again afterwards. */
  readonly forgets: readonly string[];
  readonly work: (client: VaultClient, limits: Limits) => Promise<void>;
}

/** One change that the server makes. */
export function vaultChange(ground: Ground, writing: Writing): Change {
  return {
    resource: writing.resource,
    what: writing.what,
    diff: { before: writing.before, after: writing.after, name: writing.resource },
    effects: ground.type === 'server' ? writing.forgets.map((path) => vaultObject(ground.login, path).forget()) : [],
    call: async (port) => {
      if (ground.type === 'none yet') throw new Error('the CA does not exist');
      await writing.work(port.clients.get(vault, ground.login), { signal: port.signal, timeoutSeconds: port.timeoutSeconds });
    },
  };
}

export function changesOf(changes: readonly Change[]): Plan {
  return converge(changes);
}
