/** The modules about files, through the whole engine over SSH with become, on every lab host at once. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { cachedPath } from '../../src/artifacts/cache.ts';
import type { Lab } from '../../src/lab/index.ts';
import { onHost, troubleOf, type LabProject } from './support/lab-project.ts';
import { changesOf, checksWithoutTrace, HOSTS, listed, obeysTheLaws, onEvery, sharedProject, succeeds, unknownTasks } from './support/laws.ts';
import { sharedLab } from './support/lab.ts';

/** Everything that these tests put on a host. */
const BASE = '/srv/care-modules';
/** Larger than a frame, with bytes that shells trip over. */
const LARGE = Buffer.alloc(1_500_000, '\0\xff\n%s\'"', 'latin1');
let lab: Lab;
let project: LabProject | undefined;

/** What was on the hosts before. */
const SEED = `rm -rf ${BASE}; mkdir -p ${BASE}/old/deep ${BASE}/shared/sub ${BASE}/tree/a; cd ${BASE}
echo gone >old/deep/file; echo kept >shared/sub/file; chmod 0666 shared/sub/file; ln -s /etc/passwd shared/link
printf 'a\\0b\\377\\n' >raw; chmod 0604 raw; echo x >tree/a/one; chmod 0700 tree/a/one; ln -s one tree/a/two
echo before >kept; printf 'theirs\\n' >target; ln -s target through; ln -s target replaced
printf '# settings\\nport = 1\\n#port = 2\\nname=old\\nlegacy yes\\nlegacy no\\n[end]\\n' >app.conf
printf 'old.example a\\n[from]\\nold.example b\\n[to]\\nold.example c\\n' >names`;

async function onAll(script: string): Promise<readonly string[]> {
  return Promise.all(HOSTS.map((host) => onHost(lab, host, script)));
}

/** The same answer on every host. */
async function sayAll(script: string, answer: string): Promise<void> {
  expect(await onAll(`cd ${BASE}; ${script}`)).toEqual(HOSTS.map(() => answer));
}

function make(files: Readonly<Record<string, string>>): LabProject {
  project = sharedProject(lab, files);
  return project;
}

beforeAll(async () => {
  lab = await sharedLab();
  // The first login of a host writes files of its own.
  await succeeds(make({ 'playbook.yml': '- hosts: all\n  tasks: [{ ping: {} }]\n' }), 0);
});
afterEach(() => {
  project?.remove();
  project = undefined;
});
afterAll(async () => { await onAll(`rm -rf ${BASE}; dpkg --purge unzip xz-utils`); });

describe('file, copy, template, lineinfile, blockinfile, replace', () => {
  const PLAYBOOK = `- hosts: all
  become: true
  vars: { base: ${BASE}, port: 8080, peers: [db1, db2] }
  tasks:
    - { name: directory, file: { path: "{{ base }}/made/deep", state: directory, owner: daemon, group: daemon, mode: "0750" } }
    - { name: link, file: { path: "{{ base }}/made/link", src: deep, state: link } }
    - { name: text, copy: { dest: "{{ base }}/made/text", content: "port {{ port }}\\n", mode: "0640", group: daemon } }
    - { name: hard link, file: { path: "{{ base }}/made/hard", src: "{{ base }}/made/text", state: hard } }
    - { name: touch, file: { path: "{{ base }}/made/touched", state: touch, access_time: preserve, modification_time: preserve, mode: "0600" } }
    - { name: absent, file: { path: "{{ base }}/old", state: absent } }
    - { name: recurse, file: { path: "{{ base }}/shared", state: directory, recurse: true, owner: daemon, mode: "0755" } }

    - { name: small, copy: { src: small.bin, dest: "{{ base }}/made/", mode: preserve } }
    - { name: large, copy: { src: large.bin, dest: "{{ base }}/made/large", owner: daemon } }
    - { name: contents of a directory, copy: { src: site/, dest: "{{ base }}/made/site/", directory_mode: "0700", mode: "0644", local_follow: false } }
    - { name: a directory, copy: { src: site, dest: "{{ base }}/made/copied", owner: daemon, group: daemon } }
    - { name: a file of the host, copy: { src: "{{ base }}/raw", dest: "{{ base }}/made/raw", remote_src: true, mode: preserve } }
    - { name: a tree of the host, copy: { src: "{{ base }}/tree/", dest: "{{ base }}/made/tree/", remote_src: true } }
    - { name: with a backup, copy: { content: "after\\n", dest: "{{ base }}/kept", backup: true } }
    - { name: validated, copy: { content: "care ALL=(ALL) NOPASSWD: /bin/true\\n", dest: "{{ base }}/made/sudoers", mode: "0440", validate: visudo -cf %s } }
    - { name: not by force, copy: { content: "new\\n", dest: "{{ base }}/raw", force: false } }
    - { name: through a link, copy: { content: "ours\\n", dest: "{{ base }}/through", follow: true } }
    - { name: in place of a link, copy: { content: "ours\\n", dest: "{{ base }}/replaced" } }

    - { name: template, template: { src: app.sh.hbs, dest: "{{ base }}/made/app.sh", mode: "0755", owner: root, validate: sh -n %s } }
    - { name: template into a directory, template: { src: motd.hbs, dest: "{{ base }}/made/" } }

    - { name: line by regexp, lineinfile: { path: "{{ base }}/app.conf", regexp: "^#?port", line: "port = {{ port }}" } }
    - { name: line by reference, lineinfile: { path: "{{ base }}/app.conf", regexp: '^name=(?:new-)?(\\w+)$', line: 'name=new-\\1', backrefs: true } }
    - { name: line after, lineinfile: { path: "{{ base }}/app.conf", insertafter: "^port", line: listen = all, backup: true } }
    - { name: line out, lineinfile: { path: "{{ base }}/app.conf", search_string: "legacy ", state: absent } }
    - { name: line in a new file, lineinfile: { path: "{{ base }}/made/new.conf", line: only, create: true, mode: "0600" } }
    - { name: block, blockinfile: { path: "{{ base }}/app.conf", insertbefore: '^\\[end\\]', block: "{{#each peers as |p|}}\\npeer {{ p }}\\n{{/each}}", marker: "# {mark} peers" } }
    - { name: block in a new file, blockinfile: { path: "{{ base }}/made/block", create: true, block: one } }
    - { name: replace, replace: { path: "{{ base }}/names", regexp: '(?m)^old\\.example (\\w)$', replace: 'new.example \\1', after: '\\[from\\]', before: '\\[to\\]', backup: true } }
`;
  /** Path, mode, owner of all but the backups. */
  const TREE = "find made shared -name '*~' -prune -o -printf '%p %m %u:%g %l\\n' | sort | sed 's/ $//'; sha256sum <made/large";
  const RESULT = `
made 750 daemon:daemon
made/app.sh 755 root:root
made/block 644 root:root
made/copied 755 daemon:daemon
made/copied/site 755 daemon:daemon
made/copied/site/css 755 daemon:daemon
made/copied/site/css/a.css 644 daemon:daemon
made/copied/site/home 644 daemon:daemon
made/copied/site/index.html 644 daemon:daemon
made/deep 750 daemon:daemon
made/hard 640 root:daemon
made/large 644 daemon:root
made/link 777 root:root deep
made/motd 644 root:root
made/new.conf 600 root:root
made/raw 604 root:root
made/site 700 root:root
made/site/css 700 root:root
made/site/css/a.css 644 root:root
made/site/home 777 root:root index.html
made/site/index.html 644 root:root
made/small.bin 750 root:root
made/sudoers 440 root:root
made/text 640 root:daemon
made/touched 600 root:root
made/tree 755 root:root
made/tree/a 755 root:root
made/tree/a/one 644 root:root
made/tree/a/two 777 root:root one
shared 755 daemon:root
shared/link 777 root:root /etc/passwd
shared/sub 755 daemon:root
shared/sub/file 755 daemon:root
`;

  it('converge', async () => {
    const p = make({
      'playbook.yml': PLAYBOOK,
      'templates/app.sh.hbs': '#!/bin/sh\n# {{ inventory_hostname }}\n{{#each peers as |peer|}}\nping {{ quote peer }}:{{ @root.port }}\n{{/each}}\n',
      'templates/motd.hbs': '{{ ansible_distribution }}\n',
      'files/site/index.html': '<p>\n', 'files/site/css/a.css': 'a{}\n',
    });
    const files = path.join(p.dir, 'files');
    writeFileSync(path.join(files, 'small.bin'), Buffer.from([0, 10, 13, 255, 39, 0]), { mode: 0o750 });
    writeFileSync(path.join(files, 'large.bin'), LARGE);
    execFileSync('ln', ['-s', 'index.html', path.join(files, 'site', 'home')]);
    await onAll(SEED);
    await obeysTheLaws(p, lab, {
      changes: listed(BASE, {
        directory: 'directory @/made, directory @/made/deep', link: 'link @/made/link', text: 'file @/made/text', 'hard link': 'file @/made/hard', touch: 'file @/made/touched',
        absent: 'directory @/old', recurse: 'directory @/shared, directory @/shared/**', small: 'file @/made/small.bin', large: 'file @/made/large',
        'contents of a directory': 'directory @/made/site, directory @/made/site/css, file @/made/site/css/a.css, link @/made/site/home, file @/made/site/index.html',
        'a directory': 'directory @/made/copied, directory @/made/copied/site, directory @/made/copied/site/css, file @/made/copied/site/css/a.css, file @/made/copied/site/home, file @/made/copied/site/index.html',
        'a file of the host': 'file @/made/raw', 'a tree of the host': 'directory @/made/tree, directory @/made/tree/a, file @/made/tree/a/one, link @/made/tree/a/two',
        'with a backup': 'file @/kept', validated: 'file @/made/sudoers', 'through a link': 'file @/target', 'in place of a link': 'file @/replaced',
        template: 'file @/made/app.sh', 'template into a directory': 'file @/made/motd', 'line by regexp': 'file @/app.conf', 'line by reference': 'file @/app.conf',
        'line after': 'file @/app.conf', 'line out': 'file @/app.conf', 'line in a new file': 'file @/made/new.conf', block: 'file @/app.conf', 'block in a new file': 'file @/made/block', replace: 'file @/names',
      }),
      drift: {
        script: `cd ${BASE}/made && chmod 0777 deep && rm link && printf x >>large && rm -r site/css && rm hard && sed -i '/listen = all/d' ../app.conf && chown root ../shared/sub/file && : >tree/a/one && sed -i '/peer db2/d' ../app.conf && mkdir ../old`,
        mends: listed(BASE, {
          directory: 'directory @/made/deep', link: 'link @/made/link', 'hard link': 'file @/made/hard', absent: 'directory @/old', recurse: 'directory @/shared/**', large: 'file @/made/large',
          'contents of a directory': 'directory @/made/site/css, file @/made/site/css/a.css', 'a tree of the host': 'file @/made/tree/a/one', 'line after': 'file @/app.conf', block: 'file @/app.conf',
        }),
      },
    });
    await sayAll('cat app.conf names', '# settings\nport = 1\nport = 8080\nlisten = all\nname=new-old\n# BEGIN peers\npeer db1\npeer db2\n# END peers\n[end]\nold.example a\n[from]\nnew.example b\n[to]\nold.example c');
    await sayAll('cat kept.*~ target replaced; readlink through; cat raw | od -An -tx1; tail -n 2 made/app.sh; for f in names kept; do ls $f.*~ | wc -l; done', 'before\nours\nours\ntarget\n 61 00 62 ff 0a\nping db1:8080\nping db2:8080\n1\n1');
    await sayAll(TREE, `${RESULT.trim()}\n${createHash('sha256').update(LARGE).digest('hex')}  -`);
  });

  it('leave the file as it was when a check of it fails', async () => {
    const p = make({ 'playbook.yml': `- hosts: all
  become: true
  tasks:
    - { name: base, file: { path: ${BASE}, state: directory } }
    - { name: old, copy: { dest: ${BASE}/sudoers, content: "root ALL=(ALL) ALL\\n", mode: "0440" } }
    - { name: refused, copy: { dest: ${BASE}/sudoers, content: "what?\\n", validate: visudo -cf %s, backup: true } }
` });
    await onAll(`rm -rf ${BASE}`);
    const result = await p.run();
    expect(result.status).toBe(3);
    expect(onEvery(['base|directory /srv/care-modules', 'old|file /srv/care-modules/sudoers'])).toEqual(changesOf(p, result));
    for (const host of HOSTS) expect(troubleOf(result, host)).toMatch(/^failed: refused: [^]*syntax error/);
    await sayAll('cat sudoers; ls -A', 'root ALL=(ALL) ALL\nsudoers');
  });
});

describe('fetch, slurp, stat, find, unarchive, get_url, artifact', () => {
  /** Bytes of what is downloaded; the digests lock them. */
  const LOCKED = Buffer.from('locked\0\n');
  const TOOL = Buffer.alloc(1_200_000, '#!/bin/true\n');
  const CACHED = Buffer.from('carried over on a disk\n');
  /** `site/zipped`, which holds `z` and a newline. */
  const ZIP = 'UEsDBAoAAAAAAAAAIVidatx0AgAAAAIAAAALAAAAc2l0ZS96aXBwZWR6ClBLAQIeAwoAAAAAAAAAIVidatx0AgAAAAIAAAALAAAAAAAAAAEAAACkgQAAAABzaXRlL3ppcHBlZFBLBQYAAAAAAQABADkAAAArAAAAAAA=';
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  let server: Server;
  let from = '';
  let requests: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(`${request.url ?? ''} ${request.headers['x-key']?.toString() ?? ''}`.trim());
      if (request.url === '/locked' || request.url === '/any') response.end(LOCKED);
      else response.writeHead(404).end('no such thing');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    from = `http://127.0.0.1:${String(address.port)}`;
  });
  afterAll(() => { server.close(); });
  beforeEach(() => { requests = []; });
  afterEach(() => { vi.unstubAllEnvs(); });

  const PLAYBOOK = (): string => `- hosts: all
  become: true
  vars: { base: ${BASE}, from: "${from}" }
  tasks:
    - { name: tools, package: { name: [unzip, xz-utils] } }
    - { name: base, file: { path: "{{ base }}", state: directory } }
    - { name: places, file: { path: "{{ base }}/{{ item }}", state: directory }, loop: [plain, stripped, created, zip, remote] }
    - { name: tar.gz, unarchive: { src: site.tar.gz, dest: "{{ base }}/plain", owner: daemon, mode: "0640" } }
    - { name: stripped, unarchive: { src: site.tar.gz, dest: "{{ base }}/stripped", extra_opts: --strip-components=1, exclude: [site/css] } }
    - { name: tar.xz, unarchive: { src: site.tar.xz, dest: "{{ base }}/created", creates: "{{ base }}/created/site/index.html" } }
    - { name: zip, unarchive: { src: site.zip, dest: "{{ base }}/zip" } }
    - { name: archive, copy: { src: site.tar.gz, dest: "{{ base }}/archive.tar.gz" } }
    - { name: of the host, unarchive: { src: "{{ base }}/archive.tar.gz", dest: "{{ base }}/remote", remote_src: true, include: [site/css] } }
    - { name: locked, get_url: { url: "{{ from }}/locked", checksum: "sha256:${digest(LOCKED)}", dest: "{{ base }}/", mode: "0600" } }
    - { name: anything, get_url: { url: "{{ from }}/any", checksum: none, dest: "{{ base }}/any", headers: { X-Key: a key } } }
    - { name: tool, artifact: { url: "file://@DIR@/tool", sha256: ${digest(TOOL)}, dest: "{{ base }}/bin", mode: "0755", owner: daemon } }
    - { name: cached, artifact: { sha256: "${digest(CACHED)}", dest: "{{ base }}/cached" } }
    - { name: text, copy: { dest: "{{ base }}/text", content: "of {{ inventory_hostname }}\\n" } }
    - { name: fetch, fetch: { src: "{{ base }}/text", dest: "{{ playbook_dir }}/collected" } }
    - { name: fetch one, fetch: { src: "{{ base }}/theirs", dest: "{{ playbook_dir }}/names/{{ inventory_hostname }}", flat: true } }
    - { name: fetch nothing, fetch: { src: "{{ base }}/nowhere", dest: "{{ playbook_dir }}/collected", fail_on_missing: false } }
    - { name: slurp, slurp: { src: "{{ base }}/text" }, register: text }
    - { name: stat, stat: { path: "{{ base }}/locked" }, register: locked }
    - { name: stat nothing, stat: { path: "{{ base }}/nowhere" }, register: nowhere }
    - { name: decode, set_fact: { said: "{{ b64_decode text.content }}" } }
    - name: read
      assert:
        that:
          - said == "of " + inventory_hostname + "\\n"
          - locked.stat.exists && locked.stat.mode == "0600" && locked.stat.checksum == "${digest(LOCKED)}"
          - "!nowhere.stat.exists"
    - { name: find what is there, find: { paths: /etc, patterns: "host*", file_type: file }, register: hosts }
    - { name: found what is there, assert: { that: ['hosts.files.exists(f, f.path == "/etc/hosts")', hosts.matched < hosts.examined] } }
    - { name: find, find: { paths: "{{ base }}/plain", recurse: true, patterns: ["*.css"], get_checksum: true }, register: found }
    - { name: found, assert: { that: [found.matched == 1, 'found.files[0].path == "${BASE}/plain/site/css/a.css"', 'found.files[0].pw_name == "daemon"'] } }
`;

  function prepared(playbook: string): LabProject {
    const p = make({ 'playbook.yml': playbook, 'tree/site/index.html': '<p>\n', 'tree/site/css/a.css': 'a{}\n', tool: TOOL.toString(), 'files/.keep': '' });
    const files = path.join(p.dir, 'files');
    for (const [name, option] of [['site.tar.gz', '-z'], ['site.tar.xz', '-J']] as const) execFileSync('tar', ['-C', path.join(p.dir, 'tree'), option, '-cf', path.join(files, name), 'site']);
    writeFileSync(path.join(files, 'site.zip'), Buffer.from(ZIP, 'base64'));
    const cache = path.join(p.dir, 'artifacts');
    vi.stubEnv('CARE_ARTIFACTS', cache);
    mkdirSync(path.dirname(cachedPath(cache, digest(CACHED))), { recursive: true });
    writeFileSync(cachedPath(cache, digest(CACHED)), CACHED);
    return p;
  }

  it('converge', async () => {
    const p = prepared(PLAYBOOK());
    await onAll(`dpkg --purge unzip xz-utils; rm -rf ${BASE}; mkdir ${BASE}; echo theirs >${BASE}/theirs`);
    await checksWithoutTrace(p, lab, 2);
    expect(requests, 'check mode downloads nothing').toEqual([]);
    expect(existsSync(path.join(p.dir, 'collected'))).toBe(false);
    await obeysTheLaws(p, lab, {
      changes: listed(BASE, {
        tools: 'package unzip, package xz-utils', places: 'directory @/plain, directory @/stripped, directory @/created, directory @/zip, directory @/remote',
        'tar.gz': 'directory @/plain/**', stripped: 'directory @/stripped/**', 'tar.xz': 'directory @/created/**', zip: 'directory @/zip/**', archive: 'file @/archive.tar.gz', 'of the host': 'directory @/remote/**',
        locked: 'file @/locked', anything: 'file @/any', tool: 'file @/bin', cached: 'file @/cached', text: 'file @/text',
        fetch: 'controller file /collected/%h@/text', 'fetch one': 'controller file /names/%h',
      }),
      unknown: ['find', 'found'],
      drift: {
        script: `cd ${BASE} && rm created/site/index.html && echo x >>bin && chmod 0644 locked && rm any && echo other >text && echo other >theirs`,
        mends: listed(BASE, { 'tar.xz': 'directory @/created/**', locked: 'file @/locked', anything: 'file @/any', tool: 'file @/bin', text: 'file @/text', 'fetch one': 'controller file /names/%h' }),
      },
    });
    await sayAll("find . -type f ! -name '.unarchived-*' -printf '%P %m %u\\n' | sort", [
      'any 644 root', 'archive.tar.gz 644 root', 'bin 755 daemon', 'cached 644 root', 'created/site/css/a.css 644 root', 'created/site/index.html 644 root', 'locked 600 root', 'plain/site/css/a.css 640 daemon',
      'plain/site/index.html 640 daemon', 'remote/site/css/a.css 644 root', 'stripped/index.html 644 root', 'text 644 root', 'theirs 644 root', 'zip/site/zipped 644 root',
    ].join('\n'));
    expect(HOSTS.map((host) => readFileSync(path.join(p.dir, 'collected', host, BASE, 'text'), 'utf8'))).toEqual(HOSTS.map((host) => `of ${host}\n`));
    expect(HOSTS.map((host) => readFileSync(path.join(p.dir, 'names', host), 'utf8'))).toEqual(['theirs\n', 'other\n']);
    expect([...new Set(requests)].sort()).toEqual(['/any a key', '/locked']);
  });

  it('say what could not be had, and put nothing on the host', async () => {
    const p = prepared(`- hosts: all
  become: true
  tasks:
    - { name: nowhere, artifact: { name: etcd 3.6.1, sha256: "${digest(Buffer.from('?'))}", dest: ${BASE}/a }, ignore_errors: true }
    - { name: gone, get_url: { url: "${from}/gone", checksum: none, dest: ${BASE}/a }, ignore_errors: true }
    - { name: another, get_url: { url: "${from}/any", checksum: "sha256:${digest(TOOL)}", dest: ${BASE}/a }, ignore_errors: true }
    - { name: broken, unarchive: { src: broken.tar.gz, dest: ${BASE} }, ignore_errors: true }
`);
    writeFileSync(path.join(p.dir, 'files', 'broken.tar.gz'), readFileSync(path.join(p.dir, 'files', 'site.tar.gz')).subarray(0, 150));
    await onAll(`rm -rf ${BASE}; mkdir ${BASE}`);
    const result = await succeeds(p, 0);
    const said = result.events.flatMap((e) => (e.type === 'task' && e.status === 'ignored' && e.host === 'test-trixie' ? [`${e.task}: ${e.error ?? ''}`] : []));
    expect(said).toEqual([
      expect.stringMatching(/^nowhere: the artefact etcd 3\.6\.1 .* is not in the cache [^]*To do: /),
      expect.stringMatching(/^gone: [^]*404[^]*To do: /),
      expect.stringMatching(/^another: [^]*is not the file that was locked[^]*To do: /),
      expect.stringMatching(/^broken: exit status 2: [^]*unexpected end of file/),
    ]);
    await sayAll('find . -mindepth 1', '');
  });

  it('a temporary directory has another name each time, so check mode cannot tell what is done in it', async () => {
    const p = make({ 'playbook.yml': `- hosts: all
  become: true
  tasks:
    - { name: base, file: { path: ${BASE}, state: directory } }
    - { name: build, tempfile: { state: directory, path: ${BASE}, suffix: .build }, register: build }
    - { name: note, tempfile: { path: ${BASE}, prefix: note }, register: note, become_user: root }
    - { name: use, copy: { dest: "{{ build.path }}/x", content: "x\\n" } }
    - { name: look, shell: "cd ${BASE}; stat -c '%a %U' *.build note*; cat *.build/x", register: looked, changed_when: false }
    - { name: judge, assert: { that: 'looked.stdout == "700 root\\n600 root\\nx"' } }
    - { name: remove, file: { path: "{{ item }}", state: absent }, loop: ["{{ build.path }}", "{{ note.path }}"] }
` });
    await onAll(`rm -rf ${BASE}; mkdir ${BASE}`);
    const checked = await checksWithoutTrace(p, lab, 2);
    const made = onEvery(listed(BASE, { build: 'temporary directory in @', note: 'temporary file in @' }));
    expect(changesOf(p, checked)).toEqual(made);
    expect(unknownTasks(checked)).toEqual(['use', 'judge', 'remove']);
    for (let round = 0; round < 2; round += 1) {
      const applied = await succeeds(p, 0);
      expect(changesOf(p, applied).filter((c) => !/\|(use|remove)\|/.test(c))).toEqual(made);
      await sayAll('ls -A', '');
    }
  });
});
