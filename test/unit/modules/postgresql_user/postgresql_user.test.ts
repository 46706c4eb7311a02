import { describe, expect, test } from 'vitest';
import { loginOf } from '../../../../src/modules/common/postgres/login.ts';
import { password, type PasswordState } from '../../../../src/modules/common/postgres/role.ts';
import { postgresqlUser } from '../../../../src/modules/postgresql_user/index.ts';
import { UserArgs } from '../../../../src/modules/postgresql_user/schema.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlUser, import.meta.url);

describe('the password of a role that is there', () => {
  const plan = (state: PasswordState) => {
    const args = { name: 'care', password: new Secret('correct horse') };
    const bare = fakeHost({});
    const query = password({ login: loginOf(UserArgs.parse(args), 'postgres', bare), name: 'care', password: args.password });
    const host = fakeHost({
      facts: {
        'postgres-server': { 'care_admin@/var/run/postgresql:5432/postgres': { ok: true, value: { version: 170006, standby: false, user: 'care_admin', superuser: true, patroni: false } } },
        'postgres-role': { '/var/run/postgresql:5432 care': { ok: true, value: { exists: true, attributes: ['INHERIT', 'LOGIN'], connectionLimit: -1, expires: '', comment: '', settings: {} } } },
        'postgres-password': { [query.id.slice('postgres-password:'.length)]: { ok: true, value: state } },
      },
    });
    expect(query.id).not.toContain('horse');
    return postgresqlUser.prepare(args).plan(host);
  };

  test('is left when the stored verifier lets it in', () => {
    expect(plan('matches').type).toBe('ok');
  });

  test.each([['none', 'set the password'], ['differs', 'change the password'], ['md5', 'change the password (it was an MD5 hash)']] as const)('is set when it %s', (state, what) => {
    const planned = plan(state);
    if (planned.type !== 'changes') throw new Error(planned.type);
    expect(planned.changes[0]).toMatchObject({ what, diff: { after: `ALTER ROLE "care" WITH PASSWORD '********';\n` } });
    expect(planned.changes[0].effects.map((e) => e.type)).toEqual(['forget-kinds', 'set', 'set']);
  });
});
