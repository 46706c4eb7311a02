import { afterEach, beforeEach, expect, test } from 'vitest';
import { artifactSchema, type Artifact } from '../../../src/artifacts/catalogue.ts';
import { isNewer, outdated } from '../../../src/artifacts/outdated.ts';
import { testServer, type TestServer } from './server.ts';

let server: TestServer;
beforeEach(async () => { server = await testServer(); });
afterEach(async () => { await server.close(); });

function artifact(more: object): Artifact {
  return artifactSchema.parse({ name: 'tool', version: '3.6.14', source: 'url', url: 'https://example.org/f', license: 'MIT', sha256: {}, ...more });
}

test.each([
  ['v3.6.15', '3.6.14', true], ['v3.6.14', '3.6.14', false], ['v3.6.9', '3.6.14', false], ['4.0.0', '3.6.14', true], ['v3.6', '3.6.0', false],
  ['RELEASE.2026-09-16T00-00-00Z', 'RELEASE.2025-10-15T17-29-55Z', true], ['v0.0.0-20260212201848-7aac2a2c5b7c', 'v0.0.0-20260212201848-7aac2a2c5b7c', false],
])('%s after %s: %s', (candidate, than, expected) => {
  expect(isNewer(candidate, than)).toBe(expected);
});

test('upstream is asked; who does not answer is said and is no failure; ends of life need nobody', async () => {
  server.answers.set('/repos/a/new/releases/latest', (_request, response) => response.end('{"tag_name":"v3.6.15"}'));
  server.answers.set('/repos/a/same/releases/latest', (_request, response) => response.end('{"tag_name":"v3.6.14"}'));
  server.answers.set('/repos/a/odd/releases/latest', (_request, response) => response.end('[]'));
  const all = [artifact({ github: 'a/new', end_of_life: '2026-01-01' }), artifact({ github: 'a/same' }), artifact({ github: 'a/none' }), artifact({ github: 'a/odd' }), artifact({})];
  const catalogue = { artifacts: all, accepted: [] };
  const results = await outdated(catalogue, all, { today: '2026-11-26', offline: false, github: server.base });
  expect(results.map(({ life, newest }) => [life, newest.type, newest.type === 'known' ? newest.newer : newest.because])).toEqual([
    ['ended', 'known', true], ['unknown', 'known', false], ['unknown', 'unreachable', `${new URL(server.base).host} answered 404`], ['unknown', 'unreachable', expect.any(String)], ['unknown', 'not-asked', expect.stringContaining('github')],
  ]);
  server.asked.length = 0;
  const offline = await outdated(catalogue, all, { today: '2026-11-26', offline: true, github: server.base });
  expect(offline.map(({ newest }) => newest.type)).toEqual(['not-asked', 'not-asked', 'not-asked', 'not-asked', 'not-asked']);
  expect(server.asked).toEqual([]);
});
