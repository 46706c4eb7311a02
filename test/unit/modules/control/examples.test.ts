import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { assert } from '../../../../src/modules/assert/index.ts';
import { command } from '../../../../src/modules/command/index.ts';
import { debug } from '../../../../src/modules/debug/index.ts';
import type { Module } from '../../../../src/modules/define.ts';
import { fail } from '../../../../src/modules/fail/index.ts';
import { git } from '../../../../src/modules/git/index.ts';
import { includeVars } from '../../../../src/modules/include_vars/index.ts';
import { meta } from '../../../../src/modules/meta/index.ts';
import { pause } from '../../../../src/modules/pause/index.ts';
import { ping } from '../../../../src/modules/ping/index.ts';
import { reboot } from '../../../../src/modules/reboot/index.ts';
import { script } from '../../../../src/modules/script/index.ts';
import { setFact } from '../../../../src/modules/set_fact/index.ts';
import { shell } from '../../../../src/modules/shell/index.ts';
import { uri } from '../../../../src/modules/uri/index.ts';
import { waitFor } from '../../../../src/modules/wait_for/index.ts';
import { waitForConnection } from '../../../../src/modules/wait_for_connection/index.ts';
import { x509Bundle } from '../../../../src/modules/x509_bundle/index.ts';
import { x509Ca } from '../../../../src/modules/x509_ca/index.ts';
import { x509Certificate } from '../../../../src/modules/x509_certificate/index.ts';
import { x509Csr } from '../../../../src/modules/x509_csr/index.ts';
import { x509Info } from '../../../../src/modules/x509_info/index.ts';
import { x509PrivateKey } from '../../../../src/modules/x509_private_key/index.ts';
import { x509Trust } from '../../../../src/modules/x509_trust/index.ts';
import { z } from 'zod';

const all = [assert, command, debug, fail, git, includeVars, meta, pause, ping, reboot, script, setFact, shell, uri, waitFor, waitForConnection, x509Bundle, x509Ca, x509Certificate, x509Csr, x509Info, x509PrivateKey, x509Trust];

/** What the examples' variables could be. */
const VARIABLES: Readonly<Record<string, unknown>> = {
  inventory_dir: '/inventory',
  inventory_hostname: 'db1',
  ansible_host: '192.0.2.1',
  pki_authority: '/inventory/.care/pki/authority.pem',
  pki_ca_certificate: '-----BEGIN CERTIFICATE-----',
  pki_certificates: ['/etc/a.crt'],
};
function rendered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rendered);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, rendered(v)]));
  if (typeof value !== 'string') return value;
  const whole = /^\{\{ (\w+) \}\}$/.exec(value)?.[1];
  if (whole !== undefined) return VARIABLES[whole] ?? 'text';
  return value.replaceAll(/\{\{ ([\w.[\]]+) \}\}/g, (_, name: string) => {
    const known = VARIABLES[name];
    return typeof known === 'string' ? known : 'text';
  });
}

const cases = all.flatMap((module): readonly [string, Module, string][] => module.examples.map((e) => [`${module.name}: ${e.title}`, module, e.yaml]));
test.each(cases)('%s', (_, module, text) => {
  const task = z.record(z.string(), z.unknown()).parse(parse(text));
  const given = rendered(task[module.name]);
  expect(given, 'the example uses its module').toBeDefined();
  const args = typeof given === 'string' && module.freeForm !== undefined ? { [module.freeForm]: given } : given;
  expect(() => module.prepare(args)).not.toThrow();
});

test.each(all.map((m) => [m.name, m] as const))('%s has a text for every argument, and a JSON schema', (_, module) => {
  const schema = z.toJSONSchema(module.args, { io: 'input', target: 'draft-7', unrepresentable: 'any' }) as { properties?: Record<string, { description?: string }> };
  for (const [name, property] of Object.entries(schema.properties ?? {})) expect(property.description, name).toBeTruthy();
});
