-- Who may do what; and that a call writes nothing, wherever it stands in a query.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
DROP ROLE IF EXISTS regress_reco_plain;
DROP ROLE IF EXISTS regress_reco_app;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset fieldsep ' | '
CREATE ROLE regress_reco_plain;
CREATE ROLE regress_reco_app;
INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 10) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) SELECT 't' || i, 'a' || i, 'Song ' || i, 'Artist ' || i, 'measured', i / 10.0 FROM generate_series(1, 10) AS i;

-- nothing is granted to PUBLIC
SELECT p.oid::regprocedure FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'reco' WHERE has_function_privilege('regress_reco_plain', p.oid, 'EXECUTE');
SELECT c.oid::regclass FROM pg_class AS c WHERE relnamespace = 'reco'::regnamespace AND relkind IN ('r', 'v') AND has_table_privilege('regress_reco_plain', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
SELECT has_schema_privilege('regress_reco_plain', 'reco', 'USAGE') OR has_schema_privilege('regress_reco_plain', 'reco', 'CREATE') AS schema;
-- and everything says what it is
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'reco'
WHERE deptype = 'e' AND classid IN ('pg_proc'::regclass, 'pg_class'::regclass) AND obj_description(objid, classid::regclass::name) IS NULL
	  AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = objid AND relkind NOT IN ('r', 'v'));
SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^reco_' AND pronamespace = 'public'::regnamespace AND (provolatile <> 'v' OR proparallel <> 'u' OR prosecdef) ORDER BY 1;

SET ROLE regress_reco_plain;
SELECT * FROM reco_generate('', 'calm');
SELECT reco_generate_json('', 'calm');
SELECT * FROM reco_rank('', 'calm');
SELECT * FROM reco_explain('', 'calm');
SELECT reco_mood('calm');
SELECT reco_listen('ana', 't1');
SELECT reco_feedback('ana', 't1', 'like');
SELECT reco_catalogue_import('pg_class');
SELECT reco_demo_catalogue(10);
SELECT reco_learn_moods();
SELECT * FROM reco.track;
SELECT reco.new_id();
RESET ROLE;

-- EXECUTE alone is enough
DO $$ DECLARE f regprocedure; BEGIN
	FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE proname IN ('reco_generate', 'reco_generate_json', 'reco_rank', 'reco_explain', 'reco_mood', 'reco_listen', 'reco_feedback') LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO regress_reco_app', f);
	END LOOP;
END $$;
SET ROLE regress_reco_app;
SELECT count(*) FROM reco_generate('', 'calm', 5);
SELECT jsonb_array_length(reco_generate_json('ana', 'calm', 5) -> 'tracks') AS json;
SELECT count(*) FROM reco_rank('', 'calm');
SELECT count(*) > 10 AS explained FROM reco_explain('', 'calm');
SELECT reco_mood('calm') ->> 'energy_level' AS mood;
SELECT reco_listen('ana', 't1') > 0 AS listened, reco_feedback('ana', 't2', 'skip') > 0 AS judged;
SELECT bool_or(track_id = 't2') AS skipped FROM reco_generate('ana', 'calm', 10);
SELECT current_user;
-- and no more than that
SELECT * FROM reco.listen;
SELECT reco_learn_moods();
-- an error inside leaves the role as it was
SELECT * FROM reco_generate('', 'calm', 0);
SELECT current_user;
SELECT reco_feedback('ana', 't1', 'love');
SELECT current_user;
RESET ROLE;
-- a view and a function of somebody else's
GRANT CREATE, USAGE ON SCHEMA public TO regress_reco_app;
SET ROLE regress_reco_app;
CREATE VIEW regress_reco_view AS SELECT * FROM reco_generate('', 'calm', 3);
GRANT SELECT ON regress_reco_view TO regress_reco_plain;
CREATE FUNCTION regress_reco_definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM reco_generate('''', ''calm'', 3)';
SET ROLE regress_reco_plain;
SELECT regress_reco_definer();
SELECT count(*) FROM regress_reco_view;
RESET ROLE;
-- an import reads with the caller's rights, and runs the caller's code as the caller
GRANT EXECUTE ON FUNCTION reco_catalogue_import(regclass) TO regress_reco_app;
CREATE TABLE regress_reco_secret AS SELECT 'x' AS id, 'Secret' AS name, 'Nobody' AS artists;
SET ROLE regress_reco_app;
SELECT reco_catalogue_import('regress_reco_secret');
CREATE FUNCTION regress_reco_who() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'run by ' || current_user; END $$;
CREATE VIEW regress_reco_source AS SELECT 'w' AS id, regress_reco_who() AS name, 'Nobody' AS artists;
SELECT reco_catalogue_import('regress_reco_source') #>> '{tracks,new}' AS imported;
RESET ROLE;
DELETE FROM reco.track WHERE track_id = 'w' RETURNING title;
DROP VIEW regress_reco_source;
DROP FUNCTION regress_reco_who();
DROP TABLE regress_reco_secret;
DROP VIEW regress_reco_view;
DROP FUNCTION regress_reco_definer();

--
-- Nothing is written
--
BEGIN READ ONLY;
SELECT count(*) FROM reco_generate('ana', 'calm', 5);
SELECT count(*) > 0 AS explained FROM reco_explain('ana', 'calm', 5);
SELECT count(*) FROM reco_rank('ana', 'calm', 5);
SELECT reco_generate_json('ana', 'calm', 5) IS NOT NULL AS json, reco_mood('calm') IS NOT NULL AS mood;
COMMIT;
BEGIN;
SELECT count(*) FROM reco_generate('ana', 'calm', 5);
SELECT reco_generate_json('ana', 'calm', 5) IS NOT NULL AS json;
SELECT pg_current_xact_id_if_assigned() IS NULL AS nothing_written;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
SELECT count(*) FROM reco_generate('ana', 'calm', 5);
COMMIT;

--
-- Wherever it stands in a query
--
PREPARE list(text, text, int) AS SELECT count(*) FROM reco_generate($1, $2, $3);
EXECUTE list('', 'calm', 3);
EXECUTE list('ana', 'party', 4);
SET plan_cache_mode = force_generic_plan;
EXECUTE list('', 'calm', 5);
EXECUTE list('', '', 5);
EXECUTE list('', 'calm', 0);
EXECUTE list('', 'calm', 6);
SET plan_cache_mode = force_custom_plan;
EXECUTE list('', 'calm', 7);
RESET plan_cache_mode;
EXECUTE list(NULL, 'calm', 7);
SELECT count(*) FROM (SELECT * FROM reco_generate('', 'calm', 10) LIMIT 3) AS l;
SELECT who, prompt, count(*) FROM (VALUES ('ana', 'calm'), ('bob', 'party')) AS v (who, prompt), LATERAL reco_generate(who, prompt, 4) GROUP BY who, prompt ORDER BY who;
SELECT count(*) FROM reco_generate('', 'calm', 5) AS a JOIN reco_generate('', 'party', 5) AS b ON a.rank = b.rank;
SELECT count(*) FROM reco.artist AS a LEFT JOIN reco_generate('', 'calm', 5) AS g ON g.artist = a.name;
SELECT (reco_generate('', 'calm', 2)).rank;
SELECT count(*) FROM (SELECT reco_generate('', 'calm', 2) FROM generate_series(1, 3)) AS g;
SELECT count(*) FROM reco_generate('', 'calm', 5) WHERE EXISTS (SELECT FROM reco_generate('', 'calm', 1));
SELECT count(*) FROM reco_generate((SELECT ''), (SELECT 'calm'), 3) WITH ORDINALITY AS g WHERE g.ordinality = g.rank;
SELECT * FROM ROWS FROM (reco_explain('', 'calm', 1), generate_series(1, 2)) AS r (line, n) WHERE n = 2 AND false;
CREATE TEMP TABLE kept AS SELECT * FROM reco_generate('', 'calm', 5);
SELECT count(*), count(DISTINCT run_id) AS runs FROM kept;
INSERT INTO kept SELECT * FROM reco_generate('', 'party', 5);
COPY (SELECT rank FROM reco_generate('', 'calm', 2)) TO STDOUT;
EXPLAIN (COSTS OFF) SELECT * FROM reco_generate('', 'calm', 2);
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT rank FROM reco_generate('', 'calm', 5);
DECLARE h CURSOR WITH HOLD FOR SELECT rank FROM reco_generate('', 'calm', 5);
FETCH 2 FROM c;
DELETE FROM reco.track;
FETCH 1 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH 3 FROM h;
ROLLBACK;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT rank FROM reco_generate('', 'calm', 5);
COMMIT;
FETCH 2 FROM h;
CLOSE h;
DO $$
DECLARE
	n int := 0;
	r record;
BEGIN
	FOR i IN 1 .. 12 LOOP
		FOR r IN SELECT * FROM reco_generate('', 'calm', 3) LOOP
			n := n + 1;
			EXIT WHEN r.rank = 2;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% rows', n;
	BEGIN
		PERFORM reco_feedback('cat', 't1', 'skip');
		PERFORM reco_generate('cat', 'calm', 0);
	EXCEPTION WHEN invalid_parameter_value THEN
		RAISE NOTICE 'caught: %', SQLERRM;
	END;
	RAISE NOTICE 'rolled back: %', (SELECT bool_or(track_id = 't1') FROM reco_generate('cat', 'calm', 10));
END $$;
-- a procedure that commits between calls
CREATE PROCEDURE pg_temp.commits() LANGUAGE plpgsql AS $$
DECLARE
	n int;
BEGIN
	FOR i IN 1 .. 3 LOOP
		SELECT count(*) INTO n FROM reco_generate('', 'calm', i);
		COMMIT;
		RAISE NOTICE '%', n;
	END LOOP;
END $$;
CALL pg_temp.commits();
-- a subtransaction that is rolled back, then the same call
BEGIN;
SAVEPOINT s;
SELECT count(*) FROM reco_generate('', 'calm', 5);
ROLLBACK TO s;
SELECT count(*) FROM reco_generate('', 'calm', 5);
SELECT * FROM reco_generate('', '', 5);
ROLLBACK TO s;
SELECT count(*) FROM reco_generate('', 'calm', 5);
COMMIT;
-- a time limit that is not ours
SET statement_timeout = '1min';
SELECT count(*) FROM reco_generate('', 'calm', 5);
RESET statement_timeout;

REVOKE ALL ON SCHEMA public FROM regress_reco_app;
DROP EXTENSION reco;
DROP OWNED BY regress_reco_app;
DROP ROLE regress_reco_app;
DROP ROLE regress_reco_plain;
