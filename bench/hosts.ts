/** The hosts of the benchmark: a lab of its own, from an image with Python for Ansible and the packages' files at hand. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker, dockerTry } from '../src/lab/docker.ts';
import { startWithDocker } from '../src/lab/hosts.ts';
import { ensureImage, labDown, labUp, ownerOf, type HostSpec, type Lab } from '../src/lab/index.ts';
import { imageTag } from '../src/lab/image-recipe.ts';
import { startProxies, stopProxies } from '../src/lab/proxy-process.ts';
import { PACKAGES, SERVICES } from './workload.ts';

/** Ansible-core 2.14 and Mitogen 0.3.3 of Debian 12 know Python up to 3.11: Debian 12's own, not Debian 13's. */
const RELEASE = 'bookworm';
const IMAGE = `care-bench:${RELEASE}`;
const BUILD_MS = 900_000;
export const FAR_MS = 100;

/** One way to a host's sshd. */
export interface Way {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The host key's base64. */
  readonly hostKey: string;
}

export interface Bed {
  readonly lab: Lab;
  /** `docker exec` names, in the order of the hosts. */
  readonly containers: readonly string[];
  readonly keyFile: string;
  readonly near: readonly Way[];
  /** The first host through a proxy that counts and delays by {@link FAR_MS}, or that only counts. */
  readonly far: Way;
  readonly counted: Way;
  readonly statsPorts: { readonly far: number; readonly counted: number };
  down(): Promise<void>;
}

function dockerfile(): string {
  const unit = (name: string): string => `[Unit]\\nDescription=A service of the benchmark: ${name}\\n[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n`;
  return [
    `FROM ${imageTag(RELEASE)}`,
    'RUN apt-get update -q && apt-get install -y -q --no-install-recommends python3 python3-apt && apt-get clean',
    `RUN apt-get install -y -q --no-install-recommends --download-only ${PACKAGES.join(' ')}`,
    `RUN ${SERVICES.map((name) => `printf '${unit(name)}' >/etc/systemd/system/${name}.service`).join(' && ')} && systemctl enable ${SERVICES.join(' ')}`,
    // Its timer would fetch package lists in the middle of a measurement.
    'RUN systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer',
    '',
  ].join('\n');
}

async function buildImage(report: (line: string) => void): Promise<void> {
  const base = await ensureImage(RELEASE, { report });
  const text = dockerfile();
  const hash = createHash('sha256').update(text).update(base).digest('hex').slice(0, 16);
  const seen = await dockerTry(['image', 'inspect', '--format', '{{index .Config.Labels "care-provision.bench"}}', IMAGE]);
  if (seen.status === 0 && seen.stdout.trim() === hash) return;
  report(`building ${IMAGE}`);
  const directory = await mkdtemp(join(tmpdir(), 'care-bench-'));
  try {
    await writeFile(join(directory, 'Dockerfile'), text);
    await docker(['build', '--quiet', '--tag', IMAGE, '--label', `care-provision.bench=${hash}`, directory], { timeoutMs: BUILD_MS });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * Brings the hosts up; they go with this process, or by `down`, unless they are to be kept for the next call.
 *
 * @param name of the lab
 */
export async function bringUp(root: string, name: string, count: number, keep: boolean, report: (line: string) => void): Promise<Bed> {
  await buildImage(report);
  const hosts: readonly HostSpec[] = Array.from({ length: count }, (_, i) => ({ name: `bench-${String(i + 1).padStart(2, '0')}`, site: 'kochi', release: RELEASE }));
  const owner = ownerOf(process.pid);
  const lab = await labUp({ projectRoot: root, name, hosts, report, owner: keep ? undefined : owner, startContainer: (spec, seed) => startWithDocker({ ...spec, image: IMAGE }, seed) });
  const first = lab.state.hosts[0];
  if (first === undefined) throw new Error('the lab has no hosts');
  const proxied = [{ name: first.name, address: first.address }];
  const far = await startProxies({ rttMs: FAR_MS, hosts: proxied, state: lab.paths.state, owner });
  // The least delay that the proxy knows: half a hundredth of a millisecond each way.
  const counted = await startProxies({ rttMs: 0.01, hosts: proxied, state: lab.paths.state, owner });
  const keys = await Promise.all(hosts.map(async ({ name: host }) => [host, (await readFile(`${join(lab.paths.hostKeys, host)}.pub`, 'utf8')).split(' ')[1] ?? ''] as const));
  const hostKeys = new Map(keys);
  const keyOf = (host: string): string => hostKeys.get(host) ?? '';
  const through = (ports: ReadonlyMap<string, number>): Way => ({ name: first.name, address: '127.0.0.1', port: ports.get(first.name) ?? 0, hostKey: keyOf(first.name) });
  return {
    lab,
    containers: hosts.map((host) => `${name}.${host.name}`),
    keyFile: lab.paths.loginKey,
    near: lab.state.hosts.map((host) => ({ name: host.name, address: host.address, port: 22, hostKey: keyOf(host.name) })),
    far: through(far.ports),
    counted: through(counted.ports),
    statsPorts: { far: far.statsPort, counted: counted.statsPort },
    down: async () => {
      await stopProxies(far.owner);
      await stopProxies(counted.owner);
      if (!keep) await labDown({ projectRoot: root, name });
    },
  };
}

/** Runs shell as root on a host, past everything that is measured. */
export async function onHost(container: string, script: string): Promise<string> {
  return docker(['exec', '--interactive', container, '/bin/sh'], { timeoutMs: 120_000, input: script });
}

/** Nanoseconds of processor that the hosts' control groups have used, in both versions of cgroups. */
export async function targetCpu(containers: readonly string[]): Promise<number> {
  const ids = (await docker(['inspect', '--format', '{{.Id}}', ...containers])).split('\n');
  let seconds = 0;
  for (const id of ids) {
    const one = await readFile(`/sys/fs/cgroup/cpuacct/docker/${id}/cpuacct.usage`, 'utf8').catch(() => undefined);
    if (one !== undefined) {
      seconds += Number(one) / 1e9;
      continue;
    }
    const places = [`/sys/fs/cgroup/system.slice/docker-${id}.scope/cpu.stat`, `/sys/fs/cgroup/docker/${id}/cpu.stat`];
    const texts = await Promise.all(places.map((place) => readFile(place, 'utf8').catch(() => '')));
    seconds += Number(/^usage_usec (\d+)$/m.exec(texts.join('\n'))?.[1] ?? Number.NaN) / 1e6;
  }
  return seconds;
}
