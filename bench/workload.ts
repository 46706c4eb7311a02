/**
 * The workload: 100 ordinary idempotent tasks as data. From it come our playbook and Ansible's, what the floor asks,
 * the proof that all holds on a host, and the reset that leaves 90 of them to be done.
 */

export type Item =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: string; readonly content: string }
  /** `source` is the template; `content` what it renders to with {@link VARIABLES}. */
  | { readonly kind: 'template'; readonly path: string; readonly mode: string; readonly name: string; readonly source: string; readonly content: string }
  | { readonly kind: 'line'; readonly path: string; readonly key: string; readonly line: string }
  | { readonly kind: 'group'; readonly name: string; readonly gid: number }
  | { readonly kind: 'user'; readonly name: string; readonly uid: number; readonly group: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'service'; readonly name: string }
  /** Run only while `creates` does not exist. */
  | { readonly kind: 'command'; readonly command: string; readonly creates: string };

/** Variables of the templates. */
export const VARIABLES: Readonly<Record<string, string>> = {
  bench_domain: 'hospital.example.org',
  bench_port: '8443',
  bench_owner: 'platform',
  bench_level: 'info',
};

/** Small, without dependencies of their own, in Debian 12 and 13 alike. */
export const PACKAGES = ['dos2unix', 'figlet', 'hello', 'pwgen', 'sl', 'time', 'tree', 'unzip', 'zip', 'lsof'] as const;

/** Units that the hosts of the benchmark bring along, started and enabled. */
export const SERVICES: readonly string[] = numbers(10).map((n) => `bench-${n}`);

function numbers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => String(i + 1).padStart(2, '0'));
}

function renderText(source: string): string {
  return source.replaceAll(/\{\{ (\w+) \}\}/g, (_, name: string) => VARIABLES[name] ?? '');
}

/** About 2 KB; the same text is a Handlebars and a Jinja template. */
function templateSource(n: string): string {
  const head = `# Settings of part ${n} of {{ bench_owner }}\n[server]\nname = part-${n}.{{ bench_domain }}\nlisten = 0.0.0.0:{{ bench_port }}\nlog_level = {{ bench_level }}\n\n[peers]\n`;
  const lines: string[] = [];
  for (let i = 1; head.length + lines.join('').length < 2000; i += 1) lines.push(`peer_${String(i)} = part-${n}-${String(i)}.{{ bench_domain }}:{{ bench_port }} weight=${String(i * 7)}\n`);
  return head + lines.join('');
}

/** How many of a hundred tasks are of a kind; the rest are directories. */
const SHARES = { file: 12, template: 25, line: 15, group: 5, user: 5, package: 10, service: 10, command: 5 } as const;

/** Directories that the others are in. */
const PARENTS = ['/etc/bench', '/etc/bench/conf', '/etc/bench/lines', '/srv/bench'] as const;

function directories(count: number): readonly Item[] {
  const paths = [...PARENTS, ...numbers(count - PARENTS.length).map((n) => `/srv/bench/data-${n}`)];
  return paths.map((path) => ({ kind: 'directory', path, mode: '0755' }));
}

function files(count: number): readonly Item[] {
  return numbers(count).map((n) => ({ kind: 'file', path: `/srv/bench/file-${n}`, mode: '0640', content: `file ${n}\n${'content of a small file\n'.repeat(8)}` }));
}

function templates(count: number): readonly Item[] {
  return numbers(count).map((n) => {
    const source = templateSource(n);
    return { kind: 'template', path: `/etc/bench/conf/part-${n}.conf`, mode: '0644', name: `part-${n}.conf`, source, content: renderText(source) };
  });
}

function lines(count: number): readonly Item[] {
  return numbers(count).map((n, i) => ({ kind: 'line', path: `/etc/bench/lines/${String(Math.floor(i / 3) + 1)}.conf`, key: `option_${n}`, line: `option_${n}=value ${n}` }));
}

/**
 * So many tasks, in an order in which each finds what it needs and in the same mixture at any size: paths, accounts and
 * lines are more; packages and services, of which the hosts have ten each, are named again.
 *
 * @param count at least 10
 */
export function workload(count: number): readonly Item[] {
  const of = (kind: keyof typeof SHARES): number => Math.floor((SHARES[kind] * count) / 100);
  const rest = count - Object.values(SHARES).reduce((sum, share) => sum + Math.floor((share * count) / 100), 0);
  const again = (names: readonly string[], many: number): readonly string[] => Array.from({ length: many }, (_, i) => names[i % names.length] ?? '');
  const groups = numbers(of('group'));
  return [
    ...directories(rest),
    ...groups.map((n, i): Item => ({ kind: 'group', name: `benchgroup${n}`, gid: 61_000 + i })),
    ...numbers(of('user')).map((n, i): Item => ({ kind: 'user', name: `benchuser${n}`, uid: 61_000 + i, group: `benchgroup${n}` })),
    ...again(PACKAGES, of('package')).map((name): Item => ({ kind: 'package', name })),
    ...files(of('file')),
    ...templates(of('template')),
    ...lines(of('line')),
    ...numbers(of('command')).map((n): Item => ({ kind: 'command', command: `touch /srv/bench/marker-${n}`, creates: `/srv/bench/marker-${n}` })),
    ...again(SERVICES, of('service')).map((name): Item => ({ kind: 'service', name })),
  ];
}

export const WORKLOAD: readonly Item[] = workload(100);

/** Changes that a first run after {@link resetScript} makes: everything but the services. */
export const FIRST_CHANGES = WORKLOAD.filter((item) => item.kind !== 'service').length;

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Shell for root on a host: takes away what the workload made; packages stay in apt's cache. */
export function resetScript(items: readonly Item[] = WORKLOAD): string {
  const users = items.filter((item) => item.kind === 'user').map((item) => item.name);
  const groups = items.filter((item) => item.kind === 'group').map((item) => item.name);
  return [
    'set -eu',
    'rm -rf /srv/bench /etc/bench',
    `for user in ${users.join(' ')}; do if id "$user" >/dev/null 2>&1; then userdel "$user"; fi; done`,
    `for group in ${groups.join(' ')}; do if getent group "$group" >/dev/null; then groupdel "$group"; fi; done`,
    `dpkg --purge ${PACKAGES.join(' ')} >/dev/null 2>&1`,
  ].join('\n');
}

/** Shell for root on a host: breaks one thing, another one for each round. */
export function driftScript(round: number): string {
  const victims = WORKLOAD.filter((item) => item.kind === 'template');
  const victim = victims[round % victims.length];
  if (victim === undefined) throw new Error('the workload has no templates');
  return `echo 'tampered = yes' >>${quoted(victim.path)}`;
}

function proofLine(item: Item): string {
  switch (item.kind) {
    case 'directory':
      return `is ${quoted(`directory ${item.mode.replace(/^0/, '')} root root`)} "$(stat -c '%F %a %U %G' ${item.path})"`;
    case 'file':
    case 'template':
      return `is ${quoted(`regular file ${item.mode.replace(/^0/, '')} root root`)} "$(stat -c '%F %a %U %G' ${item.path})" && is "$(printf %s ${quoted(Buffer.from(item.content).toString('base64'))})" "$(base64 -w 0 ${item.path})"`;
    case 'line':
      return `is 1 "$(grep -c '^${item.key}=' ${item.path})" && grep -qxF ${quoted(item.line)} ${item.path}`;
    case 'group':
      return `is ${item.name}:x:${String(item.gid)}: "$(getent group ${item.name})"`;
    case 'user':
      return `is "$(id -u ${item.name}) $(id -gn ${item.name})" ${quoted(`${String(item.uid)} ${item.group}`)} && case $(getent passwd ${item.name}) in *:/usr/sbin/nologin) : ;; *) false ;; esac`;
    case 'package':
      return `is 'ii ' "$(dpkg-query -W -f='\${db:Status-Abbrev}' ${item.name})"`;
    case 'service':
      return `systemctl is-active -q ${item.name} && systemctl is-enabled -q ${item.name}`;
    case 'command':
      return `[ -f ${item.creates} ]`;
  }
}

/** Shell for root on a host: prints how many of the tasks hold, and names those that do not. */
export function proofScript(items: readonly Item[] = WORKLOAD): string {
  const checks = items.map((item, i) => `{ ${proofLine(item)}; } 2>/dev/null && held=$((held + 1)) || echo "task ${String(i + 1)} (${item.kind}) does not hold"`);
  return ['held=0', 'is() { [ "$1" = "$2" ]; }', ...checks, 'echo "held $held"'].join('\n');
}
