-- CREATE EXTENSION and DROP EXTENSION, again and again.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
DROP EXTENSION IF EXISTS pg_trgm;
DROP EXTENSION IF EXISTS unaccent;
RESET client_min_messages;
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset fieldsep ' | '

CREATE EXTENSION reco;
CREATE SCHEMA reco;
CREATE EXTENSION reco CASCADE;
DROP SCHEMA reco;
CREATE SCHEMA reco;
CREATE EXTENSION reco SCHEMA reco CASCADE;
DROP SCHEMA reco;
CREATE EXTENSION reco SCHEMA reco CASCADE;
SELECT to_regnamespace('reco') AS nothing_is_left;
CREATE EXTENSION reco SCHEMA nowhere CASCADE;

SET client_min_messages = warning;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
SELECT extversion, extrelocatable, extnamespace::regnamespace FROM pg_extension WHERE extname = 'reco';
ALTER EXTENSION reco SET SCHEMA pg_catalog;
SELECT p.oid::regprocedure AS public_functions FROM pg_proc AS p WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'reco%' ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT c.oid::regclass AS tables FROM pg_class AS c WHERE relnamespace = 'reco'::regnamespace AND relkind = 'r' ORDER BY c.oid::regclass::text COLLATE "C";
SELECT count(*) AS sequences FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind = 'S';
SELECT t.extconfig::regclass AS dumped FROM (SELECT unnest(extconfig) AS extconfig FROM pg_extension WHERE extname = 'reco') AS t ORDER BY t.extconfig::regclass::text COLLATE "C";
-- keys of what is a listener's begin with who it is
SELECT i.indrelid::regclass, pg_get_indexdef(i.indexrelid, 1, true) AS first_column FROM pg_index AS i WHERE i.indrelid IN ('reco.listen'::regclass, 'reco.feedback'::regclass, 'reco.listener_token'::regclass) ORDER BY 1::text, 2;

CREATE FUNCTION pg_temp.fill() RETURNS void LANGUAGE sql AS $$
	INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 10) AS i;
	INSERT INTO reco.track (track_id, artist_id, title, artist, genres, features, energy) SELECT 't' || i, 'a' || i, 'Song ' || i, 'Artist ' || i, '{folk}', 'measured', i / 10.0 FROM generate_series(1, 10) AS i $$;
-- every path is walked once, so that whatever this session keeps is kept
SELECT pg_temp.fill();
SELECT count(*) FROM reco_generate('ana', 'calm folk like Artist 3', 5);
SELECT reco_learn_moods() > 0 AS learned, reco_listen('ana', 't1') > 0 AS listened, reco_feedback('ana', 't2', 'skip') > 0 AS judged;
SELECT reco_mood('like Artst 3') -> 'artists' AS fuzzy;
DROP EXTENSION reco;
SELECT to_regnamespace('reco') AS nothing_is_left, to_regproc('reco_generate') AS no_function;
SELECT count(*) FROM reco_generate('ana', 'calm', 5);
-- the settings stay known while the library is in the session
SHOW reco.deadline;

CREATE EXTENSION reco;
SELECT count(*) FROM reco_generate('ana', 'calm', 5);
SELECT pg_temp.fill();
DELETE FROM reco.track WHERE track_id IN ('t9', 't10');
SELECT count(*) AS eight FROM reco_generate('ana', 'calm folk like Artist 3', 50);
SELECT reco_learn_moods() > 0 AS learned, reco_listen('ana', 't1') > 0 AS listened, reco_feedback('ana', 't2', 'skip') > 0 AS judged;
SELECT reco_mood('like Artst 3') -> 'artists' AS fuzzy;
SELECT count(*) AS seven FROM reco_generate('ana', 'calm', 50);

-- in another schema, in the same session; then pg_trgm and unaccent anew as well
DROP EXTENSION reco;
DROP EXTENSION pg_trgm;
DROP EXTENSION unaccent;
CREATE SCHEMA regress_reco;
SET search_path = regress_reco, public;
SET client_min_messages = warning;
CREATE EXTENSION reco SCHEMA regress_reco CASCADE;
RESET client_min_messages;
RESET search_path;
SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1;
SELECT pg_temp.fill();
SELECT count(*) FROM regress_reco.reco_generate('ana', 'calm folk like Artist 3', 5);
SELECT regress_reco.reco_mood('like Artst 3') -> 'artists' AS fuzzy, regress_reco.reco_mood('like ártist 3') -> 'artists' AS accented;
ALTER SCHEMA regress_reco RENAME TO regress_reco2;
SELECT count(*) FROM regress_reco2.reco_generate('ana', 'calm folk like Artist 3', 5);
INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES ('é', 'a1', 'É', 'Artist 1') RETURNING title_fold;
ALTER EXTENSION pg_trgm SET SCHEMA public;
ALTER EXTENSION unaccent SET SCHEMA public;
SELECT count(*) FROM regress_reco2.reco_generate('ana', 'calm folk like Artist 3', 5);
SELECT regress_reco2.reco_mood('like Artst 3') -> 'artists' AS fuzzy, regress_reco2.reco_mood('like ártist 3') -> 'artists' AS accented;
-- inside a transaction that is rolled back
BEGIN;
DROP EXTENSION reco;
CREATE EXTENSION reco;
SELECT pg_temp.fill();
DELETE FROM reco.track WHERE track_id <> 't1';
SELECT count(*) AS one FROM reco_generate('', 'calm', 5);
ROLLBACK;
SELECT count(*) AS five FROM regress_reco2.reco_generate('', 'calm', 5);
-- what reco needs cannot be dropped under it
\set VERBOSITY terse
DROP EXTENSION unaccent;
DROP SCHEMA reco;
DROP TABLE reco.track;
DROP EXTENSION reco;
DROP SCHEMA regress_reco2;
