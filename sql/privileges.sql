-- Privileges. Nobody but the owner may do anything until credits_allow says so.

-- CREATE EXTENSION runs this script as a superuser even where a database owner called it (the extension is trusted).
-- Given to the caller, the tables belong to whoever runs the database, and the SECURITY DEFINER functions act with
-- that role's rights, never with a superuser's. Before the REVOKEs, so that the privileges which Postgres remembers as
-- the extension's initial ones name the right owner: pg_dump saves what differs from them.
DO $do$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT o.type, o.identity
        FROM pg_depend d
        CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
        WHERE d.refclassid = 'pg_extension'::regclass
          AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'credits_ledger')
          AND d.deptype = 'e'
    LOOP
        EXECUTE format('ALTER %s %s OWNER TO %s', member.type, member.identity, $owner$@extowner@$owner$);
    END LOOP;
END
$do$;

-- What a new object lets others do is not the same everywhere: PUBLIC may execute new functions, and ALTER DEFAULT
-- PRIVILEGES of the installing role may have given rights on them, on tables or on schemas to anyone. So it is not
-- a fixed list that is revoked, but whatever is there:
--   * functions: a verb is for the roles that credits_allow names;
--   * views: they show every account;
--   * tables and their schema: only the extension's functions write them, only the views read them.
-- Types stay usable: they are the shape of a result and hold nothing.
DO $do$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT
            o.kind,
            o.identity,
            CASE p.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(p.grantee)) END AS grantee
        FROM (
            SELECT 'FUNCTION' AS kind, f.oid::regprocedure::text AS identity, 'pg_proc'::regclass AS class, f.oid,
                   f.proowner AS owner, coalesce(f.proacl, acldefault('f', f.proowner)) AS acl
            FROM pg_proc f
            UNION ALL
            SELECT 'TABLE', r.oid::regclass::text, 'pg_class'::regclass, r.oid,
                   r.relowner, coalesce(r.relacl, acldefault('r', r.relowner))
            FROM pg_class r
            WHERE r.relkind IN ('r', 'v')
            UNION ALL
            SELECT 'SCHEMA', quote_ident(n.nspname), 'pg_namespace'::regclass, n.oid,
                   n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner))
            FROM pg_namespace n
        ) o
        JOIN pg_depend d ON d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e'
        CROSS JOIN LATERAL aclexplode(o.acl) AS p
        WHERE d.refclassid = 'pg_extension'::regclass
          AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'credits_ledger')
          AND p.grantee <> o.owner
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s CASCADE', granted.kind, granted.identity, granted.grantee);
    END LOOP;
END
$do$;
