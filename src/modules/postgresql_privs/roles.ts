/** The roles and privileges that a task names. */
import type { HostView } from '../../host/view.ts';
import type { PostgresLogin } from '../../services/postgres/login.ts';
import { ident, raw, type Sql } from '../../services/postgres/sql.ts';
import type { GrantType } from '../common/postgres/acl.ts';
import { freshRole, role } from '../common/postgres/role.ts';
import { inMaintenance, known, refuse } from '../common/postgres/server.ts';
import { PRIVILEGES, type PrivsArgs } from './schema.ts';

/** GRANT's name for a role: PUBLIC is a keyword. */
export function grantee(name: string): Sql {
  return name === 'PUBLIC' ? raw('PUBLIC') : ident(name);
}

/** What ALL means on this server. */
export function privilegesOf(args: PrivsArgs, type: GrantType, version: number | undefined): readonly string[] {
  const all = PRIVILEGES[type].filter((p) => p !== 'MAINTAIN' || (version ?? 170_000) >= 170_000);
  return args.privs.includes('ALL') ? all : args.privs;
}

/** The roles that exist. */
export function rolesOf(args: PrivsArgs, host: HostView, login: PostgresLogin, names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    if (name === 'PUBLIC') return true;
    const exists = known(host, role({ login: inMaintenance(login), name }), freshRole(name, login)).exists;
    if (!exists && args.fail_on_role) refuse(`role ${name} does not exist`, 'create it in an earlier task (postgresql_user), or say fail_on_role: false');
    return exists;
  });
}
