-- What a listener did changes the next list, and nobody else's.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
\pset format unaligned
\pset fieldsep ' | '

INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 20) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, genres, features, energy, valence, acousticness, tempo, loudness, danceability)
SELECT format('t%s_%s', i, t), 'a' || i, format('Song %s of %s', t, i), 'Artist ' || i, '{folk}', 'measured', .1 + i * .04, .5 + t * .05, 1 - i * .04, 80 + i, -12, .5
FROM generate_series(1, 20) AS i, generate_series(1, 2) AS t;

-- all tracks of a list of everything that qualifies
CREATE FUNCTION pg_temp.has(who text, id text, options jsonb = '{}') RETURNS boolean LANGUAGE sql AS $$
	SELECT coalesce(bool_or(track_id = id), false) FROM reco_generate(who, 'folk', 100, options => options) $$;
CREATE FUNCTION pg_temp.total(who text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM reco_generate(who, 'folk', 100) $$;
SELECT pg_temp.total('ana') AS all_of_them;

-- skip and dislike exclude, clear takes back, for one listener
SELECT reco_feedback('ana', 't1_1', 'skip') > 0 AS id;
SELECT reco_feedback('ana', 't2_1', 'dislike') > 0 AS id;
SELECT pg_temp.has('ana', 't1_1') AS skipped, pg_temp.has('ana', 't2_1') AS disliked, pg_temp.has('bob', 't1_1') AS bobs, pg_temp.has('', 't1_1') AS anonymous, pg_temp.total('ana');
SELECT reco_feedback('ana', 't1_1', 'clear') > 0 AS id;
SELECT pg_temp.has('ana', 't1_1') AS cleared, pg_temp.has('ana', 't2_1') AS still;
SELECT reco_feedback('ana', 't2_1', 'like') > 0 AS id;
SELECT pg_temp.has('ana', 't2_1') AS the_newest_counts;
SELECT reco_feedback('ana', 't3_1', 'like') < reco_feedback('ana', 't3_1', 'skip') AS ids_ascend;
SELECT pg_temp.has('ana', 't3_1') AS the_newest_counts;
-- named in the prompt, and yet disliked
SELECT coalesce(bool_or(track_id = 't3_1'), false) AS though_named FROM reco_generate('ana', '"Song 1 of 3"', 5);
SELECT track_id, event FROM reco.feedback WHERE user_id = 'ana' ORDER BY feedback_id;
-- ids of listeners are compared as they are
SELECT reco_feedback('Ana', 't5_1', 'skip') > 0 AS id;
SELECT pg_temp.has('ana', 't5_1') AS ana, pg_temp.has('Ana', 't5_1') AS "Ana", pg_temp.has('ana ', 't5_1') AS "ana ";

-- likes and plays say so in reasons, and make user_anchors a strategy
SELECT reco_feedback('cleo', 't10_1', 'like') > 0 AND reco_feedback('cleo', 't11_1', 'save') > 0 AS ids;
SELECT count(DISTINCT reco_listen('cleo', 't12_1', '2026-01-02 03:04:05+00')) AS ids FROM generate_series(1, 5);
SELECT track_id, reason LIKE '%you liked it%' AS liked, reason LIKE '%you played it%' AS played FROM reco_generate('cleo', 'folk', 100) WHERE track_id IN ('t10_1', 't11_1', 't12_1', 't19_1') ORDER BY track_id;
SELECT count(*) FILTER (WHERE reason LIKE '%that you liked%') > 0 AS near_liked, count(*) FILTER (WHERE reason LIKE '%that you played%') > 0 AS near_played FROM reco_generate('cleo', 'folk', 100);
SELECT count(*) FILTER (WHERE reason LIKE '%you%') AS of_somebody_else FROM reco_generate('bob', 'folk', 100);
SELECT (SELECT j -> 'strategies' -> 'user_anchors' ->> 'found' FROM reco_generate_json('cleo', 'folk', 10) AS j)::int > 0 AS anchors,
	   (SELECT j -> 'strategies' -> 'user_anchors' ->> 'found' FROM reco_generate_json('', 'folk', 10) AS j)::int AS of_nobody;
SELECT bool_and(parts ? 'taste') AS taste FROM reco_rank('cleo', 'folk');
SELECT bool_or(parts ? 'taste') AS of_nobody FROM reco_rank('', 'folk');
SELECT user_id, track_id, count(*), min(at) = '2026-01-02 03:04:05+00' AS at FROM reco.listen GROUP BY 1, 2;

-- familiarity: their own artists, or others
SELECT count(*) FILTER (WHERE artist IN ('Artist 10', 'Artist 11', 'Artist 12')) > 0 AS known FROM reco_generate('cleo', 'folk', 6, options => '{"familiarity": 0}');
SELECT count(*) FILTER (WHERE artist IN ('Artist 10', 'Artist 11', 'Artist 12')) AS known FROM reco_generate('cleo', 'folk', 6, options => '{"familiarity": 1}');

-- repeat_days: what was played lately is left out, and only if that is asked for
SELECT reco_listen('dora', 't6_1') > 0 AND reco_listen('dora', 't7_1', now() - interval '10 days') > 0 AND reco_listen('dora', 't8_1', now() + interval '1 hour') > 0 AS ids;
SELECT days, pg_temp.has('dora', 't6_1', jsonb_build_object('repeat_days', days)) AS now, pg_temp.has('dora', 't7_1', jsonb_build_object('repeat_days', days)) AS ten_days_ago, pg_temp.has('dora', 't8_1', jsonb_build_object('repeat_days', days)) AS to_come
FROM unnest(ARRAY[0, 1, 9, 11, 3650]) AS days;
SET reco.repeat_days = 5;
SELECT pg_temp.has('dora', 't6_1') AS by_the_setting, pg_temp.has('dora', 't7_1') AS ten_days_ago, pg_temp.has('dora', 't6_1', '{"repeat_days": 0}') AS the_option_wins;
RESET reco.repeat_days;
-- given is not played: the same question keeps its list
SELECT array_agg(track_id ORDER BY rank) = (SELECT array_agg(track_id ORDER BY rank) FROM reco_generate('eve', 'folk', 10, options => '{"repeat_days": 7}')) AS keeps FROM reco_generate('eve', 'folk', 10, options => '{"repeat_days": 7}');

-- tracks that the catalogue does not know do no harm
SELECT reco_listen('fay', 'unknown') > 0 AND reco_feedback('fay', 'gone', 'like') > 0 AND reco_feedback('fay', 'gone too', 'skip') > 0 AS ids;
SELECT pg_temp.total('fay');

-- a rollback takes it back
BEGIN;
SELECT reco_feedback('gus', 't1_1', 'skip') > 0 AS id;
SELECT pg_temp.has('gus', 't1_1') AS inside;
ROLLBACK;
SELECT pg_temp.has('gus', 't1_1') AS after;

-- what comes in by SQL counts as well; the tables check what the functions do
INSERT INTO reco.feedback (user_id, track_id, event) VALUES ('hal', 't1_1', 'skip');
SELECT pg_temp.has('hal', 't1_1') AS skipped;
\set VERBOSITY terse
INSERT INTO reco.feedback (user_id, track_id, event) VALUES ('', 't1_1', 'skip');
INSERT INTO reco.listen (user_id, track_id) VALUES ('', 't1_1');
INSERT INTO reco.feedback (user_id, track_id, event) VALUES ('hal', 't1_1', 'love');

DROP EXTENSION reco;
