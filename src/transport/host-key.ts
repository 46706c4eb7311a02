/** What is said of a host key that is not trusted. */
import { Diagnostic } from '../support/diagnostic.ts';
import { fingerprint, keyTypeOf, type HostKeyVerdict, type KnownHostsLine } from './known-hosts.ts';

function place(line: KnownHostsLine): string {
  return `${line.file}:${String(line.line)}`;
}

/**
 * @param host inventory name, as the `trust` command takes it
 * @param name the name in known_hosts
 * @returns the refusal, or undefined for a key that is trusted
 */
export function hostKeyDiagnostic(host: string, name: string, key: Buffer, verdict: HostKeyVerdict, files: readonly string[]): Diagnostic | undefined {
  const offered = `${keyTypeOf(key) ?? 'unknown type'} ${fingerprint(key)}`;
  const refuse = (code: string, summary: string, detail: string, remedy: string): Diagnostic => new Diagnostic({ kind: 'unreachable', code, summary: `${host}: ${summary}`, detail, remedy });
  switch (verdict.verdict) {
    case 'trusted':
      return undefined;
    case 'unknown':
      return refuse(
        'host-key-unknown',
        `the host key of ${name} is not known`,
        `it offers ${offered}; looked in ${files.join(', ')}`,
        `compare the fingerprint with the host's own (on its console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: care-provision trust INVENTORY ${host}`,
      );
    case 'changed':
      return refuse(
        'host-key-changed',
        `the host key of ${name} has changed: it was reinstalled, or somebody is in between`,
        `it offers ${offered}; known is ${verdict.entries.map((e) => `${e.keyType} ${fingerprint(e.key)} (${place(e)})`).join(', ')}`,
        `find out why; only when the fingerprint is the host's own (see its console): care-provision trust INVENTORY ${host} --replace`,
      );
    case 'revoked':
      return refuse(
        'host-key-revoked',
        `the host key of ${name} has been revoked`,
        `it offers ${offered}; ${place(verdict.entry)} marks this key @revoked`,
        'do not log in: somebody else may hold this key; give the host new host keys from its console, then trust those',
      );
    case 'certificate-only':
      return refuse(
        'host-certificates-unsupported',
        `the host ${name} is known by a certificate authority only`,
        `${place(verdict.entry)} is a @cert-authority line; the SSH library of this program does not know host certificates. It offers ${offered}`,
        `pin the host's key as well: care-provision trust INVENTORY ${host}`,
      );
  }
}
