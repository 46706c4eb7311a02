/** What role time tells chrony. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/time/templates/chrony.conf.hbs'), 'utf8');
const DEFAULTS = { time_servers: ['ntp.example.org'], time_nts_servers: [], time_peers: [], time_serve_to: [], time_min_sources: 1, time_step_threshold_seconds: 1, time_step_limit: 3 };

function configuration(values: Partial<Record<keyof typeof DEFAULTS, number | string[]>>): readonly string[] {
  const text = renderValue(TEMPLATE, createScope([{ values: { ...DEFAULTS, ...values }, templated: false }]));
  if (typeof text !== 'string') throw new Error('the configuration is text');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

test('a host that serves nobody has no time of its own', () => {
  const lines = configuration({ time_step_limit: -1 });
  expect(lines).toContain('server ntp.example.org iburst');
  expect(lines).toContain('makestep 1 -1');
  expect(lines.filter((line) => /^(?:local|allow)/.test(line))).toEqual([]);
});

test('NTS where it is declared; hosts that serve agree on one of them', () => {
  const lines = configuration({ time_nts_servers: ['nts.example.org'], time_peers: ['192.0.2.2'], time_serve_to: ['192.0.2.0/24'], time_min_sources: 2 });
  expect(lines.slice(0, 6)).toEqual(['server ntp.example.org iburst', 'server nts.example.org iburst nts', 'server 192.0.2.2 iburst', 'allow 192.0.2.0/24', 'local stratum 10 orphan', 'minsources 2']);
});
