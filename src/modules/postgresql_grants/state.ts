/** What a database says about who may do what in it. */
import { z } from 'zod';
import { PUBLIC } from './acl.ts';

const AclSchema = z.record(z.string(), z.array(z.string()).readonly()).readonly();

const Thing = z.object({
  type: z.enum(['database', 'schema', 'table', 'column', 'sequence', 'function']),
  schema: z.string(),
  /** For a function with its arguments. */
  name: z.string(),
  column: z.string(),
  /** As SQL names it; of a column its table. */
  ident: z.string(),
  owner: z.string(),
  /** False for what follows another object's owner, and for schemas and the database. */
  movable: z.boolean(),
  /** A partition is reached through its parent: a grant for a whole schema is not for it. */
  partition: z.boolean(),
  acl: AclSchema,
});
export type Thing = z.output<typeof Thing>;

const Default = z.object({ creator: z.string(), schema: z.string(), type: z.enum(['table', 'sequence', 'function']), acl: AclSchema });
export type Default = z.output<typeof Default>;

export const StateSchema = z.object({ things: z.array(Thing), defaults: z.array(Default) });
/** Sorted, so that equal databases give equal states. */
export type State = z.output<typeof StateSchema>;

/** Extensions look after their own objects (pg_init_privs). `$1` is a list of schemas, `$2` of tables (`schema.name`)
 * whose columns are looked at one by one; columns with privileges of their own are seen anyway. The result is one JSON value. */
export const STATE_SQL = `
WITH things AS (
  SELECT 'database' AS type, '' AS schema, datname::text AS name, '' AS "column", format('%I', datname) AS ident, datdba AS owner, false AS movable, false AS partition, coalesce(datacl, acldefault('d', datdba)) AS acl
  FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', '', nspname, '', format('%I', nspname), nspowner, false, false, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace WHERE nspname = ANY ($1::text[])
  UNION ALL
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname, '', format('%I.%I', n.nspname, c.relname), c.relowner,
    c.relkind <> 'S' OR NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')),
    c.relispartition, coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  UNION ALL
  SELECT 'column', n.nspname, c.relname, a.attname, format('%I.%I', n.nspname, c.relname), c.relowner, false, c.relispartition, a.attacl
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    AND (a.attacl IS NOT NULL OR (n.nspname || '.' || c.relname) = ANY ($2::text[]))
  UNION ALL
  SELECT 'function', n.nspname, format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)), '', format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    p.proowner, true, false, coalesce(p.proacl, acldefault('f', p.proowner))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
), held AS (
  SELECT t.type, t.schema, t.name, t."column", CASE a.grantee WHEN 0 THEN '${PUBLIC}' ELSE coalesce(g.rolname, a.grantee::text) END AS grantee,
    a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END || CASE WHEN a.grantor <> t.owner THEN '/' || coalesce(b.rolname, a.grantor::text) ELSE '' END AS item
  FROM things t, LATERAL aclexplode(t.acl) a LEFT JOIN pg_roles g ON g.oid = a.grantee LEFT JOIN pg_roles b ON b.oid = a.grantor
  WHERE a.grantee <> t.owner
), lists AS (
  SELECT type, schema, name, "column", jsonb_object_agg(grantee, items) AS acl
  FROM (SELECT type, schema, name, "column", grantee, jsonb_agg(item ORDER BY item COLLATE "C") AS items FROM held GROUP BY 1, 2, 3, 4, 5) x GROUP BY 1, 2, 3, 4
), defaults AS (
  SELECT d.defaclrole, coalesce(n.nspname, '')::text AS schema, CASE d.defaclobjtype WHEN 'r' THEN 'table' WHEN 'S' THEN 'sequence' ELSE 'function' END AS type,
    (SELECT coalesce(jsonb_object_agg(grantee, items), '{}') FROM (
      SELECT CASE a.grantee WHEN 0 THEN '${PUBLIC}' ELSE coalesce(g.rolname, a.grantee::text) END AS grantee,
        jsonb_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END ORDER BY a.privilege_type COLLATE "C") AS items
      FROM aclexplode(d.defaclacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee WHERE a.grantee <> d.defaclrole GROUP BY 1) y) AS acl
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace WHERE d.defaclobjtype IN ('r', 'S', 'f')
)
SELECT jsonb_build_object(
  'things', (SELECT coalesce(jsonb_agg(jsonb_build_object('type', t.type, 'schema', t.schema, 'name', t.name, 'column', t."column", 'ident', t.ident, 'owner', o.rolname,
      'movable', t.movable, 'partition', t.partition, 'acl', coalesce(l.acl, '{}')) ORDER BY t.type COLLATE "C", t.schema COLLATE "C", t.name COLLATE "C", t."column" COLLATE "C"), '[]')
    FROM things t JOIN pg_roles o ON o.oid = t.owner LEFT JOIN lists l USING (type, schema, name, "column")),
  'defaults', (SELECT coalesce(jsonb_agg(jsonb_build_object('creator', r.rolname, 'schema', d.schema, 'type', d.type, 'acl', d.acl)
      ORDER BY r.rolname COLLATE "C", d.schema COLLATE "C", d.type COLLATE "C"), '[]') FROM defaults d JOIN pg_roles r ON r.oid = d.defaclrole)
) AS fact`;
