/** What role minio refuses of an inventory, by its own tasks, before it has looked at a drive. */
import { afterEach, describe, expect, it } from 'vitest';
import { testProject, type TestProject } from '../run/support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

const SOUND = { minio_root_password: '{{ secret "RootOfTheTest2026" }}', minio_kms_key: '{{ secret "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" }}' };

/** The refusal that a host of so many hears; empty for none. */
async function refusal(hosts: number, vars: object = {}): Promise<string> {
  const names = Array.from({ length: hosts }, (_, i) => `s${String(i + 1)}`);
  project = testProject({
    'inventory.yml': JSON.stringify({ all: { vars: { ansible_connection: 'local', ...SOUND, ...vars }, children: { minio: { hosts: Object.fromEntries(names.map((name, i) => [name, { minio_address: `192.0.2.${String(i + 1)}` }])) } } } }),
    'playbook.yml': JSON.stringify([{ hosts: 's1', gather_facts: false, tasks: [{ include_role: { name: 'minio', tasks_from: 'refuse' } }] }]),
  });
  const result = await project.run({ mode: 'check' });
  return result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? ''}`] : [])).join();
}

const bucket = (more: object): object => ({ minio_buckets: [{ name: 'care-backup', ...more }] });

describe('refuses, and says what would do', () => {
  it.each<[string, number, object, string]>([
    ['three hosts', 3, { minio_drives: 4 }, 'the group minio holds at least four hosts'],
    ['three drives of a host that stands alone', 1, { minio_standalone: true, minio_drives: 3 }, 'of their drives'],
    ['two hosts that are each to stand alone', 2, { minio_standalone: true, minio_drives: 4 }, 'with minio_standalone: true one'],
    ['a pool of three hosts', 4, { minio_pools: [{ hosts: [1, 3], drives: [1, 4] }] }, 'at least four, by their number in the group minio'],
    ['a host that is in no pool', 5, { minio_pools: [{ hosts: [1, 4], drives: [1, 4] }] }, 'together they take in every host of the group'],
    ['a drive that is in two pools', 4, { minio_pools: [{ hosts: [1, 4], drives: [1, 4] }, { hosts: [1, 4], drives: [4, 8] }] }, 'no drive of a host twice'],
    ['retention without object lock', 4, bucket({ retention: { mode: 'GOVERNANCE', days: 30 } }), 'retention needs object_lock'],
    ['retention that nobody can undo', 4, bucket({ object_lock: true, retention: { mode: 'COMPLIANCE', days: 30 } }), 'needs minio_allow_compliance: true'],
    ['encryption without a key', 4, { minio_kms_key: '', ...bucket({ encrypted: true }) }, 'encrypted buckets need minio_kms_key'],
  ])('%s', async (_what, hosts, vars, text) => {
    expect(await refusal(hosts, vars)).toContain(text);
  });

  it.each<[string, number, object]>([
    ['four hosts', 4, bucket({ object_lock: true, retention: { mode: 'GOVERNANCE', days: 30 } })],
    ['one that stands alone with four drives', 1, { minio_standalone: true, minio_drives: 4 }],
    ['two pools', 8, { minio_pools: [{ hosts: [1, 4], drives: [1, 4] }, { hosts: [5, 8], drives: [1, 4] }] }],
  ])('not %s', async (_what, hosts, vars) => {
    expect(await refusal(hosts, vars)).toBe('');
  });
});
