/** Ansible's connection variables of a host, as the transport wants them. */
import type { Scope } from '../language/scope-types.ts';
import { badInput } from '../support/diagnostic.ts';
import { splitWords } from '../modules/common/words.ts';
import type { ConnectionTarget } from '../transport/types.ts';
import { optionalSecret, optionalText } from './identity.ts';

/** @throws Diagnostic when a variable makes no sense */
export function connectionTarget(name: string, scope: Scope): ConnectionTarget {
  const connection = optionalText(scope, 'ansible_connection') ?? (name === 'localhost' ? 'local' : 'ssh');
  if (!['ssh', 'local', 'smart', 'paramiko'].includes(connection)) throw badInput('bad-connection-variable', `${name}: ansible_connection must be ssh or local, not ${connection}`);
  const address = optionalText(scope, 'ansible_host') ?? optionalText(scope, 'ansible_ssh_host') ?? name;
  // What is only for ssh is not looked at: of localhost, which is in no inventory file, variables of all hosts that name one's own place cannot be rendered.
  if (connection === 'local') return { name, connection: 'local', address, port: 0, user: undefined, privateKeyFile: undefined, password: undefined, sshArgs: [], connectTimeoutSeconds: 10, knownHostsFiles: undefined };
  const port = Number(optionalText(scope, 'ansible_port') ?? optionalText(scope, 'ansible_ssh_port') ?? '0');
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw badInput('bad-connection-variable', `${name}: ansible_port must be a port number`);
  const timeout = Number(optionalText(scope, 'ansible_ssh_timeout') ?? optionalText(scope, 'ansible_timeout') ?? '10');
  const args = [optionalText(scope, 'ansible_ssh_common_args'), optionalText(scope, 'ansible_ssh_extra_args')].filter((a) => a !== undefined);
  return {
    name,
    connection: 'ssh',
    address,
    port,
    user: optionalText(scope, 'ansible_user') ?? optionalText(scope, 'ansible_ssh_user'),
    privateKeyFile: optionalText(scope, 'ansible_ssh_private_key_file') ?? optionalText(scope, 'ansible_private_key_file'),
    password: optionalSecret(scope, ['ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password']),
    sshArgs: args.flatMap((a) => splitWords(a)),
    connectTimeoutSeconds: Number.isFinite(timeout) && timeout > 0 ? timeout : 10,
    knownHostsFiles: undefined,
  };
}
