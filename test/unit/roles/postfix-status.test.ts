/** What the program of role postfix tells the monitoring of the DNS, with stand-ins for what it asks. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/postfix/templates/care-postfix-status.hbs'), 'utf8');
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-postfix-status-'));
  mkdirSync(path.join(directory, 'metrics'));
  const text = renderValue(TEMPLATE, createScope([{ values: { postfix_metrics_dir: path.join(directory, 'metrics') }, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(path.join(directory, 'program'), text.replaceAll('/usr/local/sbin/', `${directory}/`).replaceAll('/usr/lib/postfix/sbin/', `${directory}/`).replaceAll('/var/lib/', `${directory}/`));
  for (const name of ['master', 'postqueue', 'python3', 'jq']) program(name, name === 'master' ? 'exit 1' : 'exit 0');
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

function program(name: string, text: string): void {
  writeFileSync(path.join(directory, name), `#!/bin/sh\n${text}\n`);
  chmodSync(path.join(directory, name), 0o755);
}

function problems(shell: readonly [string, ...string[]], dns: string): Promise<string | undefined> {
  program('care-postfix-dns', dns);
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    execFile(name, [...first, path.join(directory, 'program'), '--write'], { env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` }, timeout: 20_000 }, () => {
      resolve(/^care_postfix_dns_problems (\d+)$/m.exec(readFileSync(path.join(directory, 'metrics', 'care_postfix.prom'), 'utf8'))?.[1]);
    });
  });
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-postfix-status, %s', (_name, shell) => {
  test.each([
    ['everything is there', 'exit 0', '0'],
    ['two records are missing', 'echo "missing: a"; echo "missing: b"; exit 1', '2'],
    ['the records could not be made', 'echo "the key a.key can\'t be read" >&2; exit 1', '1'],
  ])('%s', async (_what, dns, count) => {
    expect(await problems(shell, dns)).toBe(count);
  });
});
