import { describe, expect, test } from 'vitest';
import { password, type PasswordState } from '../../../../src/modules/common/s3/account.ts';
import { loginOf } from '../../../../src/modules/common/s3/login.ts';
import { minioUser } from '../../../../src/modules/minio_user/index.ts';
import { UserArgs } from '../../../../src/modules/minio_user/plan.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

goldenCases(minioUser, import.meta.url);

describe('the key of a user who is there', () => {
  const plan = (state: PasswordState, enabled: boolean) => {
    const args = { name: 'pgbackrest', password: new Secret('KeyOfTheBackups'), policies: ['pgbackrest'], endpoint_url: 'https://127.0.0.1:9000', access_key: 'care-root', secret_key: new Secret('RootOfTheStore') };
    const query = password({ login: loginOf(UserArgs.parse(args), fakeHost({})), name: 'pgbackrest', password: args.password });
    expect(query.id).not.toContain('KeyOfTheBackups');
    return minioUser.prepare(args).plan(fakeHost({
      facts: {
        's3-server': { 'care-root@127.0.0.1:9000': { ok: true, value: 'up' } },
        'minio-user': { '127.0.0.1:9000 pgbackrest': { ok: true, value: { exists: true, enabled, policies: ['pgbackrest'] } } },
        'minio-password': { [query.id.slice('minio-password:'.length)]: { ok: true, value: state } },
      },
    }));
  };

  test('is left when it lets in, and when the store has no word on it', () => {
    expect([plan('matches', true).type, plan('unknown', true).type]).toEqual(['ok', 'ok']);
  });

  test.each([['differs', true, 'change the secret key'], ['unknown', false, 'change the secret key, enabled']] as const)('is set when it %s (enabled: %s)', (state, enabled, what) => {
    const planned = plan(state, enabled);
    if (planned.type !== 'changes') throw new Error(planned.type);
    expect(planned.changes).toHaveLength(1);
    expect(planned.changes[0].what).toBe(what);
    expect(planned.changes[0].effects.map((e) => e.type)).toEqual(['forget-kinds', 'set', 'set']);
  });
});
