/** How a module logs in to a Kubernetes API: by a kubeconfig of the host that the task runs on. */
import { z } from 'zod';
import { content } from '../../../host/kinds/content.ts';
import { isUnreadable } from '../../../host/kinds/path-key.ts';
import { failed, type Plan } from '../../../host/plan.ts';
import type { AnyQuery } from '../../../host/query.ts';
import type { HostView } from '../../../host/view.ts';
import type { KubernetesLogin } from '../../../services/kubernetes/login.ts';
import { Secret } from '../../../support/secret.ts';

export const kubernetesFields = {
  kubeconfig: z.string().regex(/^\//, 'must be an absolute path').default('/etc/kubernetes/admin.conf').describe('Kubeconfig on the host that the task runs on; certificates, keys or a token stand in it'),
};

/** The login, or why there is none: a file that is not there may come with the cluster. */
export type LoginFact = { readonly type: 'login'; readonly login: KubernetesLogin } | { readonly type: 'absent' } | { readonly type: 'unreadable'; readonly msg: string };

export function loginQueries(args: { readonly kubeconfig: string }): readonly AnyQuery[] {
  return [content(args.kubeconfig)];
}

export function loginFact(args: { readonly kubeconfig: string }, host: HostView): LoginFact {
  const fact = host.fact(content(args.kubeconfig));
  if (fact === null) return { type: 'absent' };
  if (isUnreadable(fact)) return { type: 'unreadable', msg: fact.error };
  if (!Buffer.isBuffer(fact)) return { type: 'unreadable', msg: `${args.kubeconfig} is too large for a kubeconfig` };
  return { type: 'login', login: { path: args.kubeconfig, config: Secret.derived(fact.toString('utf8')) } };
}

export const NO_LOGIN_REMEDY = 'run the task on a control plane, as root, or name another kubeconfig';

/** What a module plans with the login; without one it fails, and check mode can't tell where the cluster is still to be made. */
export function withLogin(args: { readonly kubeconfig: string }, host: HostView, plan: (login: KubernetesLogin) => Plan): Plan {
  const login = loginFact(args, host);
  if (login.type === 'login') return plan(login.login);
  if (login.type === 'unreadable') return failed(login.msg, NO_LOGIN_REMEDY);
  return host.checkMode ? { type: 'unknown', because: `${args.kubeconfig} is not there yet` } : failed(`${args.kubeconfig} is not there`, NO_LOGIN_REMEDY);
}

/** What a module asks with the login; before it is known, for the login alone. */
export function queriesWithLogin(args: { readonly kubeconfig: string }, host: HostView, queries: (login: KubernetesLogin) => readonly AnyQuery[]): readonly AnyQuery[] {
  const login = loginFact(args, host);
  return login.type === 'login' ? queries(login.login) : loginQueries(args);
}
