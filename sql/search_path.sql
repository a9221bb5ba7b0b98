-- Whatever the caller's search_path holds, a call does the same.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
DROP EXTENSION IF EXISTS pg_trgm CASCADE;
DROP EXTENSION IF EXISTS unaccent CASCADE;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset fieldsep ' | '

-- pg_trgm and unaccent in schemas of odd names, reco in another
CREATE SCHEMA "Trgm ""x""";
CREATE SCHEMA accents;
CREATE SCHEMA "My Reco";
CREATE EXTENSION pg_trgm SCHEMA "Trgm ""x""";
CREATE EXTENSION unaccent SCHEMA accents;
CREATE EXTENSION reco SCHEMA "My Reco";
SELECT extname, extnamespace::regnamespace FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1;
SELECT count(*) AS in_public FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname ~ '^reco';

SET search_path = '';
INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Ärtist ' || i FROM pg_catalog.generate_series(1, 10) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) SELECT 't' || i, 'a' || i, 'Söng ' || i, 'Ärtist ' || i, 'measured', i / 10.0 FROM pg_catalog.generate_series(1, 10) AS i;
SELECT title_fold FROM reco.track WHERE track_id = 't1';
SELECT "My Reco".reco_learn_moods() >= 0 AS learned;
SELECT count(*) FROM "My Reco".reco_generate('ana', 'calm', 5);
SELECT "My Reco".reco_generate_json('ana', 'calm', 5) ->> 'complete' AS complete;
SELECT count(*) FROM "My Reco".reco_rank('ana', 'calm', 5);
SELECT count(*) > 10 AS explained FROM "My Reco".reco_explain('ana', 'calm', 5);
SELECT "My Reco".reco_mood('like artist 3, calm') -> 'artists' AS exact, "My Reco".reco_mood('like Aertist 10') -> 'artists' AS fuzzy;
SELECT "My Reco".reco_listen('ana', 't1') > 0 AS listened, "My Reco".reco_feedback('ana', 't2', 'skip') > 0 AS judged;
SELECT "My Reco".reco_demo_catalogue(50) ->> 'tracks' AS demo;
CREATE TEMP TABLE imported AS SELECT 'i1' AS track_id, 'Import' AS track_name, 'Somebody' AS track_artist, 0.5 AS energy;
SELECT "My Reco".reco_catalogue_import('pg_temp.imported') #>> '{tracks,new}' AS imported;
SELECT pg_catalog.current_setting('search_path') AS unchanged;
RESET search_path;

-- a caller who puts things in the way: they would raise an error if they were used
CREATE SCHEMA trap;
CREATE FUNCTION trap.sprung() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trap was sprung'; END $$;
CREATE FUNCTION trap.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT trap.sprung()';
CREATE FUNCTION trap.eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT trap.sprung()';
CREATE FUNCTION trap.match(tsvector, tsquery) RETURNS boolean LANGUAGE sql AS 'SELECT trap.sprung()';
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.eq);
CREATE OPERATOR trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap.eq);
CREATE OPERATOR trap.% (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.eq);
CREATE OPERATOR trap.@@ (LEFTARG = tsvector, RIGHTARG = tsquery, FUNCTION = trap.match);
CREATE FUNCTION trap.count(text) RETURNS bigint LANGUAGE sql AS 'SELECT trap.sprung()::int::bigint';
CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz WHERE trap.sprung()';
CREATE FUNCTION trap.unaccent(regdictionary, text) RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()::text';
CREATE FUNCTION trap.unaccent(text) RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()::text';
CREATE FUNCTION trap.similarity(text, text) RETURNS real LANGUAGE sql AS 'SELECT trap.sprung()::int::real';
CREATE FUNCTION trap.lower(text) RETURNS text LANGUAGE sql AS 'SELECT trap.sprung()::text';
CREATE TEXT SEARCH CONFIGURATION trap.english (PARSER = pg_catalog.default);
CREATE TEXT SEARCH DICTIONARY trap.english_stem (TEMPLATE = pg_catalog.simple);
CREATE TABLE trap.track (track_id text);
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (trap.sprung());
SET search_path = trap, pg_catalog, "My Reco";
CREATE TEMP TABLE track (track_id int);
SELECT pg_catalog.string_agg(track_id, ' ' ORDER BY rank) AS trapped FROM reco_generate('ana', 'calm rainy sunday like Ärtist 3', 10, options => '{"exclude_artists": ["Ärtist 4"]}') \gset
SELECT reco_mood('songs like "Söng 1" by Aertist 10') IS NOT NULL AS mood;
SELECT reco_listen('ana', 't1') OPERATOR(pg_catalog.>) 0 AS listened, reco_feedback('ana', 't3', 'like') OPERATOR(pg_catalog.>) 0 AS judged;
UPDATE reco.track SET title = 'Söng 1 again' WHERE track_id OPERATOR(pg_catalog.=) 't1';
INSERT INTO reco.mood_term (term, targets) VALUES ('zorbing', '{"energy": {"min": 0, "max": 1}}');
SELECT reco_learn_moods() OPERATOR(pg_catalog.>=) 0 AS learned;
SELECT reco_catalogue_import('pg_temp.imported') #>> '{tracks,unchanged}' AS imported;
SELECT reco_demo_catalogue(50) ->> 'tracks' AS demo;
UPDATE reco.track SET title = 'Söng 1' WHERE track_id OPERATOR(pg_catalog.=) 't1';
DELETE FROM reco.feedback WHERE track_id OPERATOR(pg_catalog.=) 't3';
DELETE FROM reco.listen WHERE user_id OPERATOR(pg_catalog.=) 'ana';
SET search_path = "My Reco", public;
SELECT string_agg(track_id, ' ' ORDER BY rank) = :'trapped' AS the_same_list FROM (SELECT reco_listen('ana', 't1') OFFSET 0) AS again, LATERAL reco_generate('ana', 'calm rainy sunday like Ärtist 3', 10, options => '{"exclude_artists": ["Ärtist 4"]}');
RESET search_path;
DROP TABLE pg_temp.track;
-- settings that change how text is read
SET default_text_search_config = 'pg_catalog.german';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'iso_8601';
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET pg_trgm.similarity_threshold = 1;
SET extra_float_digits = -15;
SET row_security = off;
SET default_transaction_read_only = on;
SELECT count(*) FROM "My Reco".reco_generate('ana', 'calm', 5);
SELECT "My Reco".reco_mood('like Aertist 10') -> 'artists' AS fuzzy;
SET default_transaction_read_only = off;
INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES ('english', 'a1', 'Running Waters', 'Ärtist 1') RETURNING search;
RESET ALL;

SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
DROP EXTENSION reco;
DROP EXTENSION pg_trgm;
DROP EXTENSION unaccent;
DROP SCHEMA "Trgm ""x""", accents, "My Reco";
