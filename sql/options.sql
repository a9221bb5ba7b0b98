-- What the functions refuse, and the hints they give.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
\set VERBOSITY default
\pset format unaligned
\pset fieldsep ' | '

-- an empty catalogue
SELECT * FROM reco_generate('ana', 'calm');
SELECT reco_generate_json('ana', 'calm');
SELECT * FROM reco_rank('ana', 'calm');
SELECT * FROM reco_explain('ana', 'calm');
SELECT reco_mood('calm') ->> 'energy_level';

INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 40) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy, valence, popularity, release_date)
SELECT 't' || i, 'a' || i, 'Song Number ' || i, 'Artist ' || i, 'measured', i / 40.0, .5, i, make_date(1980 + i, 1, 1)
FROM generate_series(1, 40) AS i;

-- The SQLSTATE, message and hint of a call; "fine" when it raises nothing.
CREATE FUNCTION pg_temp.says(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	EXECUTE call;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;
CREATE FUNCTION pg_temp.option(options text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.says(format('SELECT * FROM reco_generate('''', ''calm'', options => %L)', options)) $$;

--
-- user_id, prompt, size, deadline, n
--
SELECT count(*) FROM reco_generate(NULL, 'calm');
SELECT count(*) FROM reco_generate('ana', NULL);
SELECT count(*) FROM reco_generate('ana', '');
SELECT count(*) FROM reco_generate('ana', 'calm', 0);
SELECT count(*) FROM reco_generate('ana', 'calm', 101);
SELECT count(*) FROM reco_generate('ana', 'calm', -1);
SELECT count(*) FROM reco_generate('ana', 'calm', deadline => '-1 ms');
SELECT count(*) FROM reco_rank('ana', 'calm', 0);
SELECT call, pg_temp.says(call) FROM unnest(ARRAY[
	$$SELECT reco_mood(NULL)$$,
	$$SELECT reco_mood('')$$,
	$$SELECT reco_mood(E' \t\n')$$,
	$$SELECT reco_generate('ana', E' \t\r\n\f\u000B')$$,
	$$SELECT reco_generate_json(NULL, 'calm')$$,
	$$SELECT reco_generate_json('', '  ')$$,
	$$SELECT reco_generate_json('', 'calm', 2147483647)$$,
	$$SELECT reco_generate_json('', 'calm', -2147483648)$$,
	$$SELECT reco_explain(NULL, 'calm')$$,
	$$SELECT reco_explain('', '')$$,
	$$SELECT reco_explain('', 'calm', 101)$$,
	$$SELECT reco_explain('', 'calm', 5, '-1 day')$$,
	$$SELECT reco_explain('', 'calm', 5, '1 month -31 days')$$,
	$$SELECT reco_rank(NULL, 'calm')$$,
	$$SELECT reco_rank('', NULL)$$,
	$$SELECT reco_rank('', 'calm', -5)$$,
	$$SELECT reco_rank('', 'calm', 2000001)$$,
	$$SELECT reco_rank('', 'calm', 5, '[]')$$,
	$$SELECT reco_rank('', 'calm', 5, '{"size": 3}')$$]) AS call;

-- what has no visible character is blank, too
SELECT call, pg_temp.says(call) FROM unnest(ARRAY[
	$$SELECT reco_generate('', U&'\00A0\3000')$$,
	$$SELECT reco_generate('', U&'\200B\FEFF')$$,
	$$SELECT reco_mood(U&'\00A0')$$]) AS call;

-- defaults: NULL means as if it had not been said
SELECT (SELECT count(*) FROM reco_generate('', 'calm')) AS plain,
	   (SELECT count(*) FROM reco_generate('', 'calm', NULL, NULL, NULL)) AS nulls,
	   (SELECT count(*) FROM reco_generate('', 'calm', 1)) AS one,
	   (SELECT count(*) FROM reco_generate('', 'calm', 100)) AS hundred,
	   (SELECT count(*) FROM reco_generate('', 'calm', deadline => '1 hour')) AS hour,
	   (SELECT count(*) FROM reco_generate('', 'calm', deadline => '1000 years')) AS millennium,
	   (SELECT count(*) FROM reco_generate(prompt => 'calm', user_id => '', options => '{}')) AS named,
	   (SELECT count(*) FROM reco_rank('', 'calm')) AS ranked,
	   (SELECT count(*) FROM reco_rank('', 'calm', NULL, NULL)) AS ranked_nulls;
SELECT count(*) <= 20 AS an_answer_at_once FROM reco_generate('', 'calm', deadline => '0');

--
-- options: the document
--
SELECT count(*) FROM reco_generate('', 'calm', options => '[1]');
SELECT count(*) FROM reco_generate('', 'calm', options => '"x"');
SELECT count(*) FROM reco_generate('', 'calm', options => '{"ordre": "score"}');
SELECT count(*) FROM reco_generate('', 'calm', options => '{"strategies": ["seeds"]}');
SELECT count(*) FROM reco_generate('', 'calm', options => '{"min_popularity": 60, "max_popularity": 40}');
SELECT count(*) FROM reco_generate('', 'calm', options => '{"order": 1}');
\set VERBOSITY sqlstate
SELECT count(*) FROM reco_generate('', 'calm', options => '{"order": 1}');
SELECT count(*) FROM reco_generate(NULL, 'calm');
\set VERBOSITY default
SELECT options, pg_temp.option(options) FROM unnest(ARRAY['{}', '[]', '1', 'true', 'null', '[{}]',
	'{"": 1}', '{"Order": "score"}', '{"order": null, "seed": null, "era": null}']) AS options;

--
-- options: each with what it takes, and with what it does not
--
SELECT options, pg_temp.option(options) FROM unnest(ARRAY[
	'{"seed": 7}', '{"seed": -7}', '{"seed": 1e300}', '{"seed": "7"}', '{"seed": 1.5}', '{"seed": []}', '{"seed": true}',
	'{"order": "arc"}', '{"order": "score"}', '{"order": "SCORE"}', '{"order": ""}', '{"order": ["arc"]}', '{"order": {}}',
	'{"strategies": ["user_anchors", "artist_discovery", "seed_based"]}', '{"strategies": "seed_based"}',
	'{"strategies": ["seed_based", "seed_based"]}', '{"strategies": []}', '{"strategies": {}}',
	'{"strategies": 3}', '{"strategies": [3]}', '{"strategies": [null]}', '{"strategies": [[]]}',
	'{"strategies": "all"}', '{"strategies": true}']) AS options;
SELECT options, pg_temp.option(options) FROM unnest(ARRAY[
	'{"negative_tracks": []}', '{"negative_tracks": ["t1", "nobody", ""]}', '{"negative_tracks": "t1"}',
	'{"negative_tracks": [1]}', '{"negative_tracks": {"t1": true}}', '{"negative_tracks": 1}',
	'{"exclude_artists": ["a1", "Artist 2", "nobody", ""]}', '{"exclude_artists": [null]}', '{"exclude_artists": 0}',
	'{"include_artists": ["a1", "Artist 2", "nobody", ""]}', '{"include_artists": [false]}', '{"include_artists": {}}']) AS options;
SELECT options, pg_temp.option(options) FROM unnest(ARRAY[
	'{"familiarity": 0}', '{"familiarity": 1}', '{"familiarity": 0.25}', '{"familiarity": -0.01}',
	'{"familiarity": 1.01}', '{"familiarity": "1"}', '{"familiarity": [0.5]}',
	'{"repeat_days": 0}', '{"repeat_days": 3650}', '{"repeat_days": -1}', '{"repeat_days": 3651}',
	'{"repeat_days": 1.5}', '{"repeat_days": "1"}',
	'{"min_popularity": 0}', '{"max_popularity": 100}', '{"min_popularity": 40, "max_popularity": 40}',
	'{"min_popularity": -1}', '{"min_popularity": 101}', '{"min_popularity": 0.5}', '{"min_popularity": "5"}',
	'{"max_popularity": -1}', '{"max_popularity": 1e9}', '{"max_popularity": true}']) AS options;
SELECT options, pg_temp.option(options) FROM unnest(ARRAY[
	'{"era": {"from": 1980, "to": 1989}}', '{"era": {"from": 1990}}', '{"era": {"to": 1990}}',
	'{"era": {"from": 1990, "to": null}}', '{"era": "80s"}', '{"era": "1990s"}', '{"era": "00s"}',
	'{"era": {}}', '{"era": {"from": 1990, "to": 1980}}', '{"era": {"from": "1980"}}', '{"era": {"from": 999}}',
	'{"era": {"to": 2101}}', '{"era": {"from": 1980.5}}', '{"era": "eighties"}', '{"era": "85s"}', '{"era": "80"}',
	'{"era": "980s"}', '{"era": ""}', '{"era": 1980}', '{"era": [1980, 1989]}', '{"era": {"from": 1980, "until": 1989}}']) AS options;

-- lists have a limit
SELECT pg_temp.option(jsonb_build_object('negative_tracks', (SELECT jsonb_agg('x' || i) FROM generate_series(1, 1000) AS i))::text);
SELECT pg_temp.option(jsonb_build_object('negative_tracks', (SELECT jsonb_agg('x' || i) FROM generate_series(1, 1001) AS i))::text);

--
-- reco_listen, reco_feedback
--
SELECT reco_feedback('', 't1', 'like');
SELECT reco_feedback('ana', 't1', 'love');
SELECT call, pg_temp.says(call) FROM unnest(ARRAY[
	$$SELECT reco_listen(NULL, 't1')$$,
	$$SELECT reco_listen('', 't1')$$,
	$$SELECT reco_listen('ana', NULL)$$,
	$$SELECT reco_listen('ana', '')$$,
	$$SELECT reco_listen('ana', repeat('x', 256))$$,
	$$SELECT reco_listen('ana', repeat('x', 255))$$,
	$$SELECT reco_listen('ana', 't1', 'infinity')$$,
	$$SELECT reco_listen('ana', 't1', '-infinity')$$,
	$$SELECT reco_listen('ana', 't1', NULL)$$,
	$$SELECT reco_listen('ana', 't1', '2020-01-01')$$,
	$$SELECT reco_feedback(NULL, 't1', 'like')$$,
	$$SELECT reco_feedback('ana', NULL, 'like')$$,
	$$SELECT reco_feedback('ana', '', 'like')$$,
	$$SELECT reco_feedback('ana', 't1', NULL)$$,
	$$SELECT reco_feedback('ana', 't1', '')$$,
	$$SELECT reco_feedback('ana', 't1', 'LIKE')$$,
	$$SELECT reco_feedback('ana', 't1', 'skip')$$]) AS call;
SELECT user_id, track_id, event FROM reco.feedback;
SELECT user_id, length(track_id), date_part('year', at) > 2025 AS lately FROM reco.listen ORDER BY listen_id;
BEGIN READ ONLY;
SELECT reco_listen('ana', 't1');
ROLLBACK;
BEGIN READ ONLY;
SELECT reco_feedback('ana', 't1', 'like');
ROLLBACK;
BEGIN READ ONLY;
SELECT reco_learn_moods();
ROLLBACK;

--
-- settings
--
SET reco.deadline = '2s';
SHOW reco.deadline;
\set VERBOSITY sqlstate
SET reco.deadline = -1;
SET reco.deadline = '2h';
\set VERBOSITY default
SET reco.deadline = '2 parsecs';
RESET reco.deadline;
SHOW reco.deadline;
SET reco.repeat_days = 3651;
SET reco.repeat_days = 3650;
RESET reco.repeat_days;
SHOW reco.repeat_days;
SET reco.node_id = 1;
SHOW reco.node_id;
SET reco.no_such_setting = 1;

DROP EXTENSION reco;
