/** Operations by patronictl on a member, which has the certificate and the password for them. */
import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import type { ClusterHost } from '../inventory.ts';
import type { Cluster } from './cluster.ts';
import type { HostAccess } from '../hosts.ts';

/**
 * Runs `patronictl COMMAND CLUSTER OPTIONS`.
 *
 * @param words the command and its arguments; the cluster's name is put after the first
 * @param timeoutSeconds patronictl waits for the end of what it begins
 * @returns what it printed
 * @throws Diagnostic `patronictl-failed`; it ends with 0 also after some failures, so its words count too
 */
export async function patronictl(hosts: HostAccess, host: ClusterHost, cluster: Cluster, words: readonly string[], timeoutSeconds = 120): Promise<string> {
  const [command = '', ...rest] = words;
  const outcome = await hosts.run(host, sh`/usr/local/sbin/care-patronictl ${command} ${cluster.name} ${rest} 2>&1`, timeoutSeconds);
  const text = outcome.stdout.toString('utf8').trim();
  const trouble = patronictlTrouble(text);
  if (outcome.state === 'done' && outcome.status === 0 && trouble === undefined) return text;
  throw failure('patronictl-failed', `${host.name}: patronictl ${command} ${outcome.state === 'timed-out' ? `did not end within ${String(timeoutSeconds)} s` : 'failed'}${trouble === undefined ? '' : `: ${trouble}`}`, { detail: text.slice(-1500) });
}

/** The line that says that it did not work, of patronictl's output. Its wording is that of patroni/ctl.py, 3.0 to 4.1. */
export function patronictlTrouble(text: string): string | undefined {
  return text.split('\n').map((line) => line.trim()).find((line) => /^(Error: |Switchover failed|Failover failed|Failed: |Error )/.test(line) || /\bfailed, details: /.test(line) || /^Failed to /.test(line));
}
