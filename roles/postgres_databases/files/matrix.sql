-- Managed by care-provision, role postgres_databases. Every role of the cluster against every schema, table, column,
-- sequence and function of the declared schemas, and the database, and every verb: what was declared against what
-- has_*_privilege says. Prints one line a cell that differs, then `cells N`.
-- Needs the psql variable `declared`, JSON: {"owner", "schemas", "grants", "members": [{"group", "member"}], "issuers": [{"name", "groups", "prefix"}]}.
CREATE TEMPORARY TABLE declared AS SELECT :'declared'::jsonb AS j;
CREATE TEMPORARY TABLE grants AS
  SELECT g ->> 'role' AS role, g ->> 'type' AS type, g ->> 'schema' AS schema, g -> 'objs' AS objs, g -> 'columns' AS columns, p AS verb, coalesce((g ->> 'grant_option')::boolean, false) AS grantable
  FROM declared, jsonb_array_elements(j -> 'grants') g, jsonb_array_elements_text(g -> 'privs') p;
-- Superusers may do everything; pg_ roles are PostgreSQL's own.
CREATE TEMPORARY TABLE subjects AS
  WITH RECURSIVE declared_members AS (SELECT m ->> 'group' AS grp, m ->> 'member' AS member FROM declared, jsonb_array_elements(j -> 'members') m
    -- Logins that come and go: members of what their issuer may pass on.
    UNION SELECT g.rolname, l.rolname FROM declared, jsonb_array_elements(coalesce(j -> 'issuers', '[]')) i
      JOIN pg_roles by ON by.rolname = i ->> 'name' JOIN pg_auth_members a ON a.grantor = by.oid
      JOIN pg_roles g ON g.oid = a.roleid AND i -> 'groups' ? g.rolname JOIN pg_roles l ON l.oid = a.member AND starts_with(l.rolname, i ->> 'prefix')),
  reach AS (
    SELECT rolname::text AS role, rolname::text AS is FROM pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_'
    UNION SELECT r.role, m.grp FROM reach r JOIN declared_members m ON m.member = r.is)
  SELECT role, array_agg("is") AS "is" FROM reach GROUP BY role;
CREATE TEMPORARY TABLE objects AS
  SELECT 'database' AS type, NULL::text AS schema, datname::text AS name, NULL::text AS col, oid, NULL::smallint AS att, (SELECT j ->> 'owner' FROM declared) AS owner, false AS partition
  FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', NULL, nspname, NULL, n.oid, NULL, (SELECT j ->> 'owner' FROM declared), false FROM pg_namespace n, declared WHERE j -> 'schemas' ? nspname
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, nspname, relname, NULL, c.oid, NULL, (SELECT j ->> 'owner' FROM declared), relispartition
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, declared WHERE j -> 'schemas' ? nspname AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  UNION ALL
  SELECT 'column', nspname, relname, attname, c.oid, attnum, (SELECT j ->> 'owner' FROM declared), relispartition
  FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace, declared
  WHERE j -> 'schemas' ? nspname AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  UNION ALL
  SELECT 'function', nspname, format('%s(%s)', proname, pg_get_function_identity_arguments(p.oid)), NULL, p.oid, NULL, (SELECT j ->> 'owner' FROM declared), false
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace, declared WHERE j -> 'schemas' ? nspname
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e');
CREATE TEMPORARY TABLE verbs AS
  SELECT * FROM (VALUES ('database', 'CREATE'), ('database', 'CONNECT'), ('database', 'TEMPORARY'), ('schema', 'CREATE'), ('schema', 'USAGE'),
    ('table', 'SELECT'), ('table', 'INSERT'), ('table', 'UPDATE'), ('table', 'DELETE'), ('table', 'TRUNCATE'), ('table', 'REFERENCES'), ('table', 'TRIGGER'), ('table', 'MAINTAIN'),
    ('column', 'SELECT'), ('column', 'INSERT'), ('column', 'UPDATE'), ('column', 'REFERENCES'), ('sequence', 'SELECT'), ('sequence', 'UPDATE'), ('sequence', 'USAGE'),
    ('function', 'EXECUTE')) v (type, verb)
  WHERE verb <> 'MAINTAIN' OR current_setting('server_version_num')::int >= 170000;
CREATE TEMPORARY TABLE cells AS
  SELECT s.role, o.type, concat_ws('.', o.schema, o.name, o.col) AS object, v.verb,
    o.owner = ANY (s."is")
    OR EXISTS (SELECT FROM grants g WHERE (g.role = 'PUBLIC' OR g.role = ANY (s."is")) AND g.verb = v.verb AND (
      CASE o.type
        WHEN 'database' THEN g.type = 'database'
        WHEN 'schema' THEN g.type = 'schema' AND g.objs ? o.name
        -- A right on a table is one on each of its columns.
        WHEN 'column' THEN g.type = 'table' AND g.schema = o.schema AND (CASE WHEN g.objs IS NULL THEN NOT o.partition ELSE g.objs ? o.name END) AND (g.columns IS NULL OR g.columns ? o.col)
        ELSE g.type = o.type AND g.schema = o.schema AND g.columns IS NULL AND (CASE WHEN g.objs IS NULL THEN NOT o.partition ELSE g.objs ? o.name END)
      END))
    OR o.type IN ('table', 'column', 'sequence') AND ('pg_read_all_data' = ANY (s."is") AND v.verb = 'SELECT' OR 'pg_write_all_data' = ANY (s."is") AND v.verb IN ('INSERT', 'UPDATE', 'DELETE') AND o.type <> 'sequence')
    OR o.type = 'schema' AND v.verb = 'USAGE' AND s."is" && ARRAY['pg_read_all_data', 'pg_write_all_data'] AS wanted,
    CASE o.type
      WHEN 'database' THEN has_database_privilege(s.role, o.oid, v.verb)
      WHEN 'schema' THEN has_schema_privilege(s.role, o.oid, v.verb)
      WHEN 'table' THEN has_table_privilege(s.role, o.oid, v.verb)
      WHEN 'column' THEN has_column_privilege(s.role, o.oid, o.att, v.verb)
      WHEN 'sequence' THEN has_sequence_privilege(s.role, o.oid, v.verb)
      ELSE has_function_privilege(s.role, o.oid, v.verb)
    END AS has
  FROM subjects s CROSS JOIN objects o JOIN verbs v USING (type);
SELECT format('%s %s %s on %s %s', role, CASE WHEN has THEN 'may' ELSE 'may not' END, verb, type, object) FROM cells WHERE wanted IS DISTINCT FROM has ORDER BY 1 LIMIT 200;
SELECT 'cells ' || count(*) FROM cells;
