/**
 * The floor: what a converged host costs at the least with Node and ssh2. One connection a host, one batched read-only
 * probe with one process a kind of question, then one script that repairs what differs. It knows the workload by heart:
 * no YAML, no templates, no variables, no become password, no state. With `connect` it only runs `true`.
 *
 *     floor.mjs connect|floor HOSTS.json WORKLOAD.json
 *
 * At most 30 hosts at once, as care-provision does: sshd and the machine's memory have their limits.
 *
 * HOSTS.json: a list of {name, host, port, user, keyFile, hostKey}, the host key as base64. Prints `changed NUMBER`.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import ssh2 from 'ssh2';

const [mode, hostsFile, workloadFile] = process.argv.slice(2);
const hosts = JSON.parse(readFileSync(hostsFile, 'utf8'));
const items = mode === 'floor' ? JSON.parse(readFileSync(workloadFile, 'utf8')) : [];
const of = (...kinds) => items.filter((item) => kinds.includes(item.kind));
const q = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
const MARK = '--next--';
const AT_ONCE = 30;
const contents = of('file', 'template').map((item) => ({ ...item, sha256: createHash('sha256').update(item.content).digest('hex') }));
const paths = [...of('directory'), ...contents].map((item) => item.path);

function probe() {
  const lineFiles = [...new Set(of('line').map((item) => item.path))];
  return `export LC_ALL=C\n${[
    `stat -c '%F|%a|%U|%G|%n' ${paths.join(' ')} 2>/dev/null`,
    `sha256sum ${contents.map((item) => item.path).join(' ')} 2>/dev/null`,
    `grep -H . ${lineFiles.join(' ')} 2>/dev/null`,
    `getent group ${of('group').map((item) => item.name).join(' ')}`,
    `getent passwd ${of('user').map((item) => item.name).join(' ')}`,
    `dpkg-query -W -f='\${Package} \${db:Status-Abbrev}\n' ${of('package').map((item) => item.name).join(' ')} 2>/dev/null`,
    `systemctl show -p Id,ActiveState,UnitFileState ${of('service').map((item) => item.name).join(' ')}`,
    `for f in ${of('command').map((item) => item.creates).join(' ')}; do [ ! -e $f ] || echo $f; done`,
  ].join(`; echo ${MARK}\n`)}`;
}

function repair(answer) {
  const sections = answer.split(`${MARK}\n`);
  const [stats, sums, lines, groups, users, packages, , made] = sections.map((text) => new Set(text.split('\n')));
  const states = new Map(sections[6].split('\n\n').map((block) => [/^Id=(.*)\.service$/m.exec(block)?.[1], block]));
  const script = [];
  const missing = [];
  let changed = 0;
  for (const item of items) {
    const mode = item.mode?.replace(/^0/, '');
    const steps = [];
    if (item.kind === 'directory' && !stats.has(`directory|${mode}|root|root|${item.path}`)) steps.push(`mkdir -p ${item.path} && chown root:root ${item.path} && chmod ${item.mode} ${item.path}`);
    else if (item.kind === 'file' || item.kind === 'template') {
      const { sha256 } = contents.find((each) => each.path === item.path);
      if (!sums.has(`${sha256}  ${item.path}`) || !stats.has(`regular file|${mode}|root|root|${item.path}`)) {
        steps.push(`cat >${item.path}.new <<'--END--'\n${item.content}--END--\nchown root:root ${item.path}.new && chmod ${item.mode} ${item.path}.new && mv ${item.path}.new ${item.path}`);
      }
    } else if (item.kind === 'line' && !lines.has(`${item.path}:${item.line}`)) steps.push(`touch ${item.path}; sed -i '/^${item.key}=/d' ${item.path}; echo ${q(item.line)} >>${item.path}`);
    else if (item.kind === 'group' && !groups.has(`${item.name}:x:${item.gid}:`)) steps.push(`groupadd -g ${item.gid} ${item.name}`);
    else if (item.kind === 'user' && ![...users].some((line) => line.startsWith(`${item.name}:x:${item.uid}:`))) steps.push(`useradd -u ${item.uid} -g ${item.group} -M -s /usr/sbin/nologin ${item.name}`);
    else if (item.kind === 'package' && !packages.has(`${item.name} ii `)) missing.push(item.name);
    else if (item.kind === 'command' && !made.has(item.creates)) steps.push(item.command);
    else if (item.kind === 'service' && !/ActiveState=active[^]*UnitFileState=enabled/.test(states.get(item.name) ?? '')) steps.push(`systemctl enable -q --now ${item.name}`);
    changed += steps.length;
    script.push(...steps);
  }
  changed += missing.length;
  if (missing.length > 0) script.push(`DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ${missing.join(' ')} >/dev/null </dev/null`);
  return { changed, script };
}

function login(host) {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    const sock = connect({ host: host.host, port: host.port, noDelay: true });
    sock.once('error', reject);
    client.once('ready', () => resolve(client));
    client.once('error', reject);
    client.connect({
      sock,
      username: host.user,
      privateKey: readFileSync(host.keyFile),
      algorithms: { serverHostKey: ['ssh-ed25519'] },
      hostVerifier: (key) => key.toString('base64') === host.hostKey,
    });
  });
}

/** Runs a script as root and gives its output. */
function run(client, command, script) {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(error);
      const out = [];
      const err = [];
      channel.on('data', (chunk) => out.push(chunk));
      channel.stderr.on('data', (chunk) => err.push(chunk));
      channel.on('exit', (status) => { if (status !== 0) reject(new Error(`status ${status}: ${Buffer.concat(err)}`)); });
      channel.on('close', () => resolve(Buffer.concat(out).toString()));
      channel.end(script);
    });
  });
}

async function visit(host) {
  const client = await login(host);
  let changed = 0;
  if (mode === 'connect') await run(client, 'true', '');
  else {
    const plan = repair(await run(client, 'exec sudo -n /bin/sh -s', `${probe()}\nexit 0\n`));
    changed = plan.changed;
    if (changed > 0) await run(client, 'exec sudo -n /bin/sh -s', `set -e\n${plan.script.join('\n')}\n`);
  }
  client.end();
  return changed;
}

let changed = 0;
const waiting = hosts.values();
await Promise.all(Array.from({ length: AT_ONCE }, async () => { for (const host of waiting) changed += await visit(host); }));
console.log(`changed ${changed}`);
// Nothing is left to wait for but the answers to our good-byes.
process.exit(0);
