/** What roles, schema and function are to be, and the SQL that makes them so. Pure. */
import { verifierFor, verifierMatches } from '../../services/postgres/scram.ts';
import { revealed, Secret } from '../../support/secret.ts';
import type { AuthFact, DatabaseFact, RoleFact } from './query.ts';
import type { PgbouncerAuthArgs } from './schema.ts';

/**
 * Whom PgBouncer may let in, and their verifier. Roles that are a superuser, or could become one with SET ROLE, and those
 * for replication are never told: they have no business in a pool. A password that has ended is none (CVE-2025-2291).
 * The path is fixed, as for every SECURITY DEFINER function (CREATE FUNCTION, "Writing SECURITY DEFINER Functions Safely").
 */
export const SOURCE = `
  SELECT r.rolname::pg_catalog.text, r.rolpassword
  FROM pg_catalog.pg_authid AS r
  WHERE r.rolname = p_user
    AND r.rolcanlogin
    AND NOT r.rolreplication
    AND r.rolpassword LIKE 'SCRAM-SHA-256$%'
    AND (r.rolvaliduntil IS NULL OR r.rolvaliduntil > pg_catalog.now())
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_authid AS s WHERE s.rolsuper AND pg_catalog.pg_has_role(r.oid, s.oid, 'MEMBER'))
`;

const CONFIG = 'search_path=pg_catalog';
const RESULT = 'TABLE(username text, password text)';

/** One thing that is not as wanted, with what makes it so. */
export interface Edit {
  readonly resource: string;
  readonly what: string;
  /** Database to make it in. */
  readonly database: string;
  readonly sql: string;
  readonly after: AuthFact;
}

interface Wanted {
  readonly name: string;
  readonly password: string;
  readonly limit: number;
}

function wantedRoles(args: PgbouncerAuthArgs): readonly Wanted[] {
  return [{ name: args.user, password: revealed(args.password), limit: -1 }, ...args.logins.map((l) => ({ name: l.name, password: revealed(l.password), limit: l.connection_limit }))];
}

function roleDifferences(role: RoleFact, wanted: Wanted): readonly string[] {
  return [
    ...(role.attributes.join(' ') === 'login' ? [] : [`attributes ${role.attributes.join(', ') || 'none'} → login`]),
    ...(role.limit === wanted.limit ? [] : [`connection limit ${String(role.limit)} → ${String(wanted.limit)}`]),
    ...(role.validUntil === null ? [] : [`no end (was ${role.validUntil})`]),
    ...(verifierMatches(role.verifier?.reveal() ?? '', wanted.password) ? [] : ['password']),
    ...(role.memberOf.length === 0 ? [] : [`no member of ${role.memberOf.join(', ')}`]),
  ];
}

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The change of one role, or undefined when it is as wanted. `fact` is what is known by then. */
function roleEdit(args: PgbouncerAuthArgs, wanted: Wanted, fact: AuthFact): Edit | undefined {
  const now = fact.roles[wanted.name];
  const differences = now === undefined ? [] : roleDifferences(now, wanted);
  // PUBLIC may connect by default; a right of its own stays when that is taken away.
  const missing = args.databases.filter((d) => now?.connects.includes(d) !== true);
  if (now !== undefined && differences.length === 0 && missing.length === 0) return undefined;
  const old = now?.verifier ?? null;
  const verifier = old !== null && verifierMatches(old.reveal(), wanted.password) ? old : new Secret(verifierFor(wanted.password, Buffer.from(fact.salt, 'hex')));
  const verb = now === undefined ? 'CREATE' : 'ALTER';
  const sql = [
    `${verb} ROLE ${wanted.name} LOGIN NOSUPERUSER NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT ${String(wanted.limit)} VALID UNTIL 'infinity'${verifier === old ? '' : ` PASSWORD '${verifier.reveal()}'`};`,
    ...(now?.memberOf ?? []).map((group) => `REVOKE ${identifier(group)} FROM ${wanted.name};`),
    ...missing.map((d) => `GRANT CONNECT ON DATABASE ${d} TO ${wanted.name};`),
  ].join('\n');
  const what = now === undefined ? 'create' : [...differences, ...(missing.length === 0 ? [] : [`may connect to ${missing.join(', ')}`])].join(', ');
  const role: RoleFact = { attributes: ['login'], limit: wanted.limit, validUntil: null, verifier, memberOf: [], connects: [...args.databases].sort() };
  return { resource: `role ${wanted.name}`, what, database: 'postgres', sql, after: { ...fact, roles: { ...fact.roles, [wanted.name]: role } } };
}

function databaseDifferences(args: PgbouncerAuthArgs, now: DatabaseFact): readonly string[] {
  const f = now.routine;
  return [
    ...(now.schemaOwner === null ? [] : now.schemaOwner === args.owner ? [] : [`owner of the schema ${now.schemaOwner} → ${args.owner}`]),
    ...(now.schemaOwner !== null && now.schemaAcl.join(' ') !== `${args.user}=USAGE` ? [`rights in the schema: ${now.schemaAcl.join(', ') || 'none'} → ${args.user}=USAGE`] : []),
    ...(f === null
      ? ['create']
      : [
          ...(f.owner === args.owner ? [] : [`owner ${f.owner} → ${args.owner}`]),
          ...(f.definer && f.volatility === 's' && f.config.join(' ') === CONFIG && f.result === RESULT && f.source === SOURCE ? [] : ['definition']),
          ...(f.acl.join(' ') === `${args.user}=EXECUTE` ? [] : [`rights: ${f.acl.join(', ') || 'none'} → ${args.user}=EXECUTE`]),
        ]),
  ];
}

/** Takes all rights from everybody but the owner, whoever they are by now. */
function revokeAll(kind: 'FUNCTION' | 'SCHEMA', what: string): string {
  const [table, acl, type, owner, cast] = kind === 'FUNCTION' ? ['pg_proc', 'proacl', 'f', 'proowner', 'regprocedure'] : ['pg_namespace', 'nspacl', 'n', 'nspowner', 'regnamespace'];
  return `DO $care$ DECLARE g record; BEGIN
  FOR g IN SELECT DISTINCT a.grantee FROM pg_catalog.${table} AS t, pg_catalog.aclexplode(coalesce(t.${acl}, pg_catalog.acldefault('${type}', t.${owner}))) AS a
    WHERE t.oid = '${what}'::${cast} AND a.grantee <> t.${owner} LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON ${kind} ${what} FROM %s CASCADE', CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END);
  END LOOP; END $care$;`;
}

function databaseEdit(args: PgbouncerAuthArgs, database: string, fact: AuthFact): Edit | undefined {
  const now = fact.databases[database];
  const differences = now === undefined ? ['create'] : databaseDifferences(args, now);
  if (differences.length === 0) return undefined;
  const routine = `${args.schema}.${args.function}(text)`;
  const sql = [
    `CREATE SCHEMA IF NOT EXISTS ${args.schema};`,
    `ALTER SCHEMA ${args.schema} OWNER TO ${args.owner};`,
    revokeAll('SCHEMA', args.schema),
    `GRANT USAGE ON SCHEMA ${args.schema} TO ${args.user};`,
    // Not OR REPLACE: that can't change what an earlier one returns.
    `DROP FUNCTION IF EXISTS ${routine};`,
    `CREATE FUNCTION ${args.schema}.${args.function}(p_user text) RETURNS ${RESULT} LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $care$${SOURCE}$care$;`,
    `ALTER FUNCTION ${routine} OWNER TO ${args.owner};`,
    revokeAll('FUNCTION', routine),
    `GRANT EXECUTE ON FUNCTION ${routine} TO ${args.user};`,
  ].join('\n');
  const after: DatabaseFact = {
    schemaOwner: args.owner,
    schemaAcl: [`${args.user}=USAGE`],
    routine: { owner: args.owner, definer: true, volatility: 's', config: [CONFIG], result: RESULT, source: SOURCE, acl: [`${args.user}=EXECUTE`] },
  };
  return { resource: `function ${args.schema}.${args.function} in ${database}`, what: differences.join(', '), database, sql, after: { ...fact, databases: { ...fact.databases, [database]: after } } };
}

/** All that is to be made, in order, each on top of what comes before. */
export function edits(args: PgbouncerAuthArgs, fact: AuthFact): readonly Edit[] {
  const list: Edit[] = [];
  let known = fact;
  const add = (edit: Edit | undefined): void => {
    if (edit === undefined) return;
    list.push(edit);
    known = edit.after;
  };
  for (const wanted of wantedRoles(args)) add(roleEdit(args, wanted, known));
  for (const database of args.databases) add(databaseEdit(args, database, known));
  return list;
}
