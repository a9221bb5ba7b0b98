-- The records of runs: view, functions, errors, who may see what.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
DROP ROLE IF EXISTS regress_reco_plain;
DROP ROLE IF EXISTS regress_reco_app;
DROP ROLE IF EXISTS regress_reco_monitor;
RESET client_min_messages;
\set VERBOSITY default
\pset format unaligned
\pset fieldsep ' | '
-- each run tells the same
SET reco.artifacts = off;
CREATE ROLE regress_reco_plain;
CREATE ROLE regress_reco_app;
CREATE ROLE regress_reco_monitor;
GRANT pg_monitor TO regress_reco_monitor;
INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 10) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) SELECT 't' || i, 'a' || i, 'Song ' || i, 'Artist ' || i, 'measured', i / 10.0 FROM generate_series(1, 10) AS i;

--
-- What there is
--
SELECT attname AS column, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'reco_run'::regclass AND attnum > 0 ORDER BY attnum;
SELECT attname AS column, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute WHERE attrelid = 'reco.run'::regclass AND attnum > 0 ORDER BY attnum;
SELECT relpersistence, (SELECT count(*) FROM pg_extension WHERE oid_is_dumped.oid = ANY (extconfig)) AS dumped FROM pg_class AS oid_is_dumped WHERE oid = 'reco.run'::regclass;
SELECT reloptions FROM pg_class WHERE oid = 'reco_run'::regclass;

--
-- A run is on record at once
--
CREATE TEMP TABLE given AS SELECT * FROM reco_generate('ana', 'calm evening, not loud, flurb', 3, '20 s', '{"seed": 2, "order": "score", "negative_tracks": ["t1"]}');
SELECT count(*), count(DISTINCT run_id) AS runs FROM given;
SELECT run_id = (SELECT min(run_id) FROM given) AS same, role = CURRENT_USER AS mine, user_id, prompt, size, options, complete, missing, tracks, live, cached, stale, local
FROM reco_run WHERE run_id IN (SELECT run_id FROM given);
SELECT started BETWEEN now() - interval '1 hour' AND clock_timestamp() AS started, deadline_ms BETWEEN 1 AND 20000 AS deadline, total_ms > 0 AS total, quality BETWEEN 0 AND 1 AS quality
FROM reco_run WHERE run_id IN (SELECT run_id FROM given);
SELECT key, (value ->> 'ms')::float8 >= 0 AS time, value ? 'start_ms' AS start, value ? 'in' AS "in", value ? 'out' AS "out"
FROM reco_run, jsonb_each(stages) WHERE run_id IN (SELECT run_id FROM given) ORDER BY (value ->> 'start_ms')::float8, array_position('{open,mood,fetch_top_tracks,fetch_top_artists,search_user_tracks,discover_artists,select_anchors,build_seed_pool,user_anchors,artist_discovery,seed_based,rank,rules,quality,order,keep}', key);
SELECT key, value - 'ms' AS value FROM reco_run, jsonb_each(calls) WHERE run_id IN (SELECT run_id FROM given) AND key ~ '^user_' ORDER BY key;
SELECT key, value FROM reco_run, jsonb_each(quality_parts) WHERE run_id IN (SELECT run_id FROM given) AND key IN ('coverage', 'exchanged') ORDER BY key;
SELECT sum((value ->> 'delivered')::int) AS delivered FROM reco_run, jsonb_each(strategies) WHERE run_id IN (SELECT run_id FROM given);
SELECT pruned FROM reco_run WHERE run_id IN (SELECT run_id FROM given);

-- how long lists and stages took
SELECT metric, calls > 0 AS calls, p50_ms <= p95_ms AND p95_ms <= p99_ms AND p99_ms <= max_ms AS times, hits >= 0 AS hits, keys IS NULL AS no_keys FROM reco_stat_stage WHERE database = current_database();

-- its list and its explanation
SELECT g.rank, g.track_id, g = t AS same FROM given AS g JOIN (SELECT DISTINCT run_id FROM given) AS r ON true JOIN LATERAL reco_run_tracks(r.run_id) AS t ON t.rank = g.rank ORDER BY g.rank;
CREATE TEMP TABLE told AS SELECT regexp_replace(line, '(time|start|deadline|busy|waited|between|stages)=[0-9.]+', '\1=', 'g') AS line, nth
FROM reco_explain_run((SELECT min(run_id) FROM given)) WITH ORDINALITY AS l (line, nth);
SELECT line FROM told WHERE line !~ '^ +[0-9]|Targets|->' ORDER BY nth;
SELECT count(*) AS differ FROM told FULL JOIN (SELECT regexp_replace(line, '(time|start|deadline|busy|waited|between|stages)=[0-9.]+', '\1=', 'g') AS line, nth
	FROM reco_explain('ana', 'calm evening, not loud, flurb', 3, '20 s', '{"seed": 2, "order": "score", "negative_tracks": ["t1"]}') WITH ORDINALITY AS l (line, nth)) AS e USING (nth) WHERE told.line IS DISTINCT FROM e.line;
-- a list that was cut for time says so
SELECT max(run_id) AS run FROM reco_generate('ana', 'calm, at once', 3, '0') \gset
SELECT complete, missing FROM reco_run WHERE run_id = :run;
-- one without a track is on record, too
SELECT reco_generate_json('', 'party', 2, options => '{"strategies": ["seed_based"], "era": "80s", "familiarity": 0, "repeat_days": 3, "min_popularity": 10, "max_popularity": 20, "exclude_artists": ["Nobody"], "include_artists": "Artist 1"}') ->> 'run_id' AS run \gset
SELECT tracks, options FROM reco_run WHERE run_id = :run;
SELECT * FROM reco_run_tracks(:run);

--
-- Wrong ids
--
SELECT * FROM reco_explain_run(NULL);
SELECT * FROM reco_run_tracks(NULL);
SELECT * FROM reco_explain_run(1);
SELECT * FROM reco_run_tracks(-1);
SELECT set_config('reco.run_history', '0', false);
SELECT * FROM reco_explain_run(1);
SELECT max(run_id) AS run FROM reco_generate('ana', 'calm, off the record', 3) \gset
SELECT count(*) FROM reco_run WHERE run_id = :run;
RESET reco.run_history;
-- a row that somebody edited
INSERT INTO reco.run (user_id, run_id, role_id, started, record, tracks) VALUES
	('x', 9000000000000000011, 10, '2026-01-01', '{"user_id": "x", "role": 10, "prompt": 5, "size": "large", "stages": [], "calls": {"ids": 1}, "mood": {"targets": 3, "understood": [1, null]}}', '[1, {"title": 2}, {"title": "T", "artist": "A", "score": "?", "parts": []}]'),
	('y', 9000000000000000012, 10, '2026-01-01', '[]', '{}'),
	('z', 9000000000000000013, 10, '2026-01-01', '{}', '"x"');
SELECT * FROM reco_run_tracks(9000000000000000011);
SELECT count(*) > 5 AS lines FROM reco_explain_run(9000000000000000011);
SELECT * FROM reco_explain_run(9000000000000000012);
SELECT * FROM reco_explain_run(9000000000000000013);
DELETE FROM reco.run WHERE run_id > 9000000000000000000;
SET reco.run_history = -1;
SET reco.run_history_age = 0;
SHOW reco.run_history_age;

--
-- Who may see what
--
SET ROLE regress_reco_plain;
SELECT * FROM reco_run;
SELECT * FROM reco_explain_run(1);
SELECT * FROM reco_run_tracks(1);
SELECT * FROM reco.run_lately();
SELECT * FROM reco.run;
SET reco.run_history = 0;
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco_generate(text, text, integer, interval, jsonb), reco_explain_run(bigint), reco_run_tracks(bigint), reco.run_lately() TO regress_reco_app, regress_reco_plain;
GRANT SELECT ON reco_run TO regress_reco_app, regress_reco_plain;
SET ROLE regress_reco_app;
SELECT max(run_id) AS mine FROM reco_generate('ana', 'my own wish, calm', 2) \gset
SELECT role, user_id, prompt FROM reco_run ORDER BY run_id;
SELECT count(*) FROM reco_run_tracks(:mine);
SELECT count(*) > 10 AS explained FROM reco_explain_run(:mine);
SET ROLE regress_reco_plain;
SELECT count(*) FROM reco_run;
SELECT count(*) AS found FROM (SELECT 1 FROM reco_run WHERE run_id = :mine) AS r;
SET ROLE regress_reco_monitor;
SELECT role, user_id, prompt FROM reco_run WHERE run_id = :mine;
SELECT count(*) FROM reco_run_tracks(:mine);
SELECT count(*) > 10 AS explained FROM reco_explain_run(:mine);
SELECT count(DISTINCT role) AS roles FROM reco_run;
RESET ROLE;

DROP EXTENSION reco;
DROP ROLE regress_reco_plain;
DROP ROLE regress_reco_app;
DROP ROLE regress_reco_monitor;
