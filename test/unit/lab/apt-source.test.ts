import { describe, expect, it } from 'vitest';
import { aptSettings, findMirror, sourcesFor } from '../../../src/lab/apt-source.ts';

const mirror = 'http://mirror.example/debian';
const security = 'http://mirror.example/debian-security';

describe('findMirror', () => {
  const cases: { name: string; files: { name: string; text: string }[]; expected: ReturnType<typeof findMirror> }[] = [
    {
      name: 'deb822, main and security',
      files: [
        {
          name: 'debian.sources',
          text: `Types: deb\n# a comment\nURIs: ${mirror}/\nSuites: bookworm bookworm-updates\nComponents: main\n\nTypes: deb\nURIs: ${security}\nSuites: bookworm-security\nComponents: main\n`,
        },
      ],
      expected: { main: mirror, security },
    },
    {
      name: 'one-line style with options',
      files: [{ name: 'sources.list', text: `# deb http://old.example/debian sid main\ndeb [arch=amd64 signed-by=/k] ${mirror} trixie main\ndeb ${security} trixie-security main\n` }],
      expected: { main: mirror, security },
    },
    {
      name: 'the old name of the security suite',
      files: [{ name: 'a.list', text: `deb ${security} buster/updates main\ndeb ${mirror} buster main\n` }],
      expected: { main: mirror, security },
    },
    {
      name: 'a vendor, Ubuntu, a disabled stanza and sources are passed over',
      files: [
        { name: 'vendor.list', text: 'deb https://vendor.example/apt nodistro main\n' },
        { name: 'ubuntu.list', text: 'deb http://archive.example/ubuntu noble main\n' },
        { name: 'off.sources', text: `Enabled: no\nTypes: deb\nURIs: ${mirror}\nSuites: trixie\n` },
        { name: 'src.sources', text: `Types: deb-src\nURIs: ${mirror}\nSuites: trixie\n` },
      ],
      expected: { main: undefined, security: undefined },
    },
    {
      name: 'a mirror list or a file is no mirror that a lab host reaches',
      files: [{ name: 'sources.list', text: 'deb cdrom:[disc]/ trixie main\ndeb file:/srv/debian trixie main\n' }],
      expected: { main: undefined, security: undefined },
    },
    {
      name: 'continued fields',
      files: [{ name: 'x.sources', text: `Types: deb\nURIs:\n ${mirror}\nSuites:\n trixie\n trixie-backports\nComponents: main\n` }],
      expected: { main: mirror, security: undefined },
    },
  ];
  it.each(cases)('$name', ({ files, expected }) => {
    expect(findMirror(files)).toEqual(expected);
  });
});

describe('sourcesFor', () => {
  it('gives a release all its suites', () => {
    expect(sourcesFor('trixie', { main: mirror, security })).toBe(
      [
        'Types: deb', `URIs: ${mirror}`, 'Suites: trixie trixie-updates', 'Components: main', 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg', '',
        'Types: deb', `URIs: ${security}`, 'Suites: trixie-security', 'Components: main', 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg', '',
      ].join('\n'),
    );
  });
  it('leaves mmdebstrap its own default without a mirror', () => {
    expect(sourcesFor('trixie', { main: undefined, security })).toBeUndefined();
  });
});

describe('aptSettings', () => {
  it('takes proxies and validity over, and nothing else', () => {
    const dump = [
      'Acquire "";', 'Acquire::Check-Valid-Until "false";', 'Acquire::http::Proxy "http://proxy.example:3128";', 'Acquire::http::Proxy::mirror.example "DIRECT";',
      'Acquire::Languages:: "none";', 'Acquire::https::Proxy "http://127.0.0.1:3142";', 'Dir::Cache "x";', 'Acquire::Retries "";',
    ].join('\n');
    expect(aptSettings(dump, {})).toEqual([
      'Acquire::Check-Valid-Until "false";', 'Acquire::http::Proxy "http://proxy.example:3128";', 'Acquire::http::Proxy::mirror.example "DIRECT";',
    ]);
  });
  it('knows the usual variables, and lets apt.conf win over them', () => {
    expect(aptSettings('Acquire::http::Proxy "http://b.example:1";', { http_proxy: 'http://a.example:1', HTTPS_PROXY: 'http://c.example:1' })).toEqual([
      'Acquire::http::Proxy "http://b.example:1";', 'Acquire::https::Proxy "http://c.example:1";',
    ]);
  });
});
