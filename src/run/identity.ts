/** As whom a task works on a host: become keywords and Ansible's become variables. */
import type { Identity } from '../host/identity.ts';
import type { Attributes } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { badInput } from '../support/diagnostic.ts';
import { Secret } from '../support/secret.ts';
import { typeName } from '../support/value.ts';
import { resolveBoolean, resolveText } from './evaluate.ts';

export function optionalText(scope: Scope, name: string): string | undefined {
  if (!scope.has(name)) return undefined;
  const value = scope.get(name);
  if (value === null || value === '') return undefined;
  if (value instanceof Secret) return value.reveal();
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw badInput('bad-connection-variable', `${name} must be text, not ${typeName(value)}`);
}

export function optionalSecret(scope: Scope, names: readonly string[]): Secret | undefined {
  for (const name of names) {
    if (!scope.has(name)) continue;
    const value = scope.get(name);
    if (value instanceof Secret) return value;
    if (typeof value === 'string' && value !== '') return new Secret(value);
  }
  return undefined;
}

function optionalBoolean(scope: Scope, name: string): boolean | undefined {
  if (!scope.has(name)) return undefined;
  const value = scope.get(name);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string' && /^(true|yes|1|on)$/i.test(value)) return true;
  if (typeof value === 'string' && /^(false|no|0|off|)$/i.test(value)) return false;
  throw badInput('bad-connection-variable', `${name} must be true or false, not ${typeName(value)}`);
}

/**
 * @param taskScope variables that the keywords are rendered in
 * @param hostScope variables of the host that is worked on (the delegated one, if any)
 * @param asked the password of `--ask-become-pass`
 */
export function identityOf(attributes: Attributes, taskScope: Scope, hostScope: Scope, asked: Secret | undefined): Identity {
  const login = optionalText(hostScope, 'ansible_user') ?? optionalText(hostScope, 'ansible_ssh_user') ?? '';
  const become = optionalBoolean(hostScope, 'ansible_become') ?? resolveBoolean(attributes.become, taskScope) ?? false;
  if (!become) return { become: undefined, user: login };
  const user = optionalText(hostScope, 'ansible_become_user') ?? resolveText(attributes.becomeUser, taskScope) ?? 'root';
  const password = asked ?? optionalSecret(hostScope, ['ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass']);
  return { become: { user, password }, user };
}
