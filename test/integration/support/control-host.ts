/** A lab host as control host: the program as a release brings it, a project, and a sink for its mail on this machine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { docker } from '../../../src/lab/docker.ts';
import { labExec, type Lab } from '../../../src/lab/index.ts';
import { containerName } from '../../../src/lab/spec.ts';
import { smtpSink, type SmtpSink } from '../../support/smtp-sink.ts';
import { hostVariables, onHost, PROGRAM } from './lab-project.ts';

const ROOT = path.join(import.meta.dirname, '..', '..', '..');
/** What package.json calls the program's files, as far as they are needed here. */
const FILES = ['package.json', 'artifacts.yml', 'dist', 'roles', 'bin'] as const;

export interface ControlHost {
  readonly name: string;
  /** Shell text as root there, in the project's folder. */
  sh(script: string): Promise<string>;
  /** The program there, in the project's folder. */
  care(...words: readonly string[]): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }>;
  put(file: string, text: string): Promise<void>;
}

/** Brings the program, its Node, a login key and the known hosts of the lab to a host. */
export async function controlHost(lab: Lab, name: string): Promise<ControlHost> {
  // Builds it when the sources are newer.
  const built = spawnSync(PROGRAM, ['version'], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the program does not build: ${built.stderr}`);
  const container = containerName(lab.state.name, name);
  await onHost(lab, name, 'mkdir -p /opt/care-provision /srv/care/secret && chmod 700 /srv/care/secret');
  await docker(['cp', process.execPath, `${container}:/usr/local/bin/node`]);
  for (const file of FILES) await docker(['cp', '-L', path.join(ROOT, file), `${container}:/opt/care-provision/`]);
  const put = async (file: string, text: string): Promise<void> => {
    const directory = mkdtempSync(path.join(tmpdir(), 'care-put-'));
    try {
      writeFileSync(path.join(directory, 'file'), text);
      await onHost(lab, name, `mkdir -p "$(dirname '${file}')"`);
      await docker(['cp', path.join(directory, 'file'), `${container}:${file}`]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  await put('/srv/care/secret/id', readFileSync(lab.paths.loginKey, 'utf8'));
  await put('/srv/care/secret/known_hosts', readFileSync(lab.paths.knownHosts, 'utf8'));
  await onHost(lab, name, 'chown -R root: /srv/care /opt/care-provision; chmod 600 /srv/care/secret/*; ln -sf /opt/care-provision/bin/care-provision /usr/local/bin/care-provision');
  return {
    name,
    sh: (script) => onHost(lab, name, `cd /srv/care; ${script}`),
    care: (...words) => labExec(lab, name, ['sh', '-c', 'cd /srv/care && NO_COLOR=1 exec care-provision "$@"', 'sh', ...words]),
    put: (file, text) => put(path.posix.join('/srv/care', file), text),
  };
}

/** Inventory variables of a lab host as a control host of the lab reaches it. */
export function reachedFrom(lab: Lab, name: string): Readonly<Record<string, string | number>> {
  return { ...hostVariables(lab, name), ansible_ssh_private_key_file: '/srv/care/secret/id', ansible_ssh_common_args: '-F /dev/null -o UserKnownHostsFile=/srv/care/secret/known_hosts -o IdentitiesOnly=yes' };
}

/** A mail server on this machine's address in the lab's network. */
export async function labSink(lab: Lab, name: string): Promise<{ readonly sink: SmtpSink; readonly url: string }> {
  const address = await onHost(lab, name, "ip -4 route show default | awk '{ print $3; exit }'");
  const sink = await smtpSink({ address });
  return { sink, url: `smtp://${address}:${String(sink.port)}` };
}

/** Takes the program and the project away again, for who shares the host. */
export async function removeControlHost(lab: Lab, name: string): Promise<void> {
  await onHost(lab, name, 'rm -rf /opt/care-provision /srv/care /usr/local/bin/node /usr/local/bin/care-provision /root/.local/state/care-provision /root/.cache/care-provision /srv/reports /var/lib/care-metrics');
}

/** The subject of a mail, its folded lines (RFC 5322, 2.2.3) together. */
export function subjectOf(mail: { readonly data: string } | undefined): string {
  const head = (mail?.data ?? '').split('\n\n')[0] ?? '';
  return /^Subject: (.*)$/m.exec(head.replaceAll(/\r?\n[ \t]+/g, ' '))?.[1]?.trim() ?? '';
}

/** The text of a mail with parts, decoded (RFC 2045, 6.7). */
export function textOf(mail: { readonly data: string } | undefined): string {
  const part = /Content-Type: text\/plain[^]*?\n\n([^]*?)\n--/.exec((mail?.data ?? '').replaceAll('\r', ''))?.[1] ?? '';
  const bytes = part.replaceAll('=\n', '').replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
