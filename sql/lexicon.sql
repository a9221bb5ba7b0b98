-- reco.mood_term: rows of one's own, what is checked, what is learned.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
\set VERBOSITY default
\pset format unaligned
\pset fieldsep ' | '

-- manual rows count at once, and win no more than their share
SELECT reco_mood('zorbing') -> 'targets' AS before;
INSERT INTO reco.mood_term (term, targets) VALUES ('Zorbing', '{"energy": {"min": 0.8, "max": 1}, "tempo": {"mean": 150, "sd": 10, "weight": 0.5}}');
SELECT term, source, stem, tracks, labels FROM reco.mood_term WHERE term = 'Zorbing';
SELECT reco_mood('zorbing') #> '{targets,energy,target}' AS energy, reco_mood('zorbing') #> '{targets,tempo,target}' AS tempo, reco_mood('zorbing') #> '{targets,tempo,weight}' AS weight,
	   reco_mood('zorbing') ->> 'energy_level' AS level, reco_mood('we zorb') #> '{targets,energy,target}' AS other_form;
UPDATE reco.mood_term SET targets = '{"energy": {"min": 0, "max": 0.2}}' WHERE term = 'Zorbing';
SELECT reco_mood('zorbing') ->> 'energy_level' AS level, reco_mood('zorbing') #> '{targets,tempo}' AS tempo;
UPDATE reco.mood_term SET term = 'unicycling' WHERE term = 'Zorbing';
SELECT reco_mood('zorbing') -> 'targets' AS old_name, reco_mood('unicycling') ->> 'energy_level' AS new_name;
DELETE FROM reco.mood_term WHERE source = 'manual';
SELECT reco_mood('unicycling') -> 'targets' AS after;
BEGIN;
INSERT INTO reco.mood_term (term, targets) VALUES ('zorbing', '{"energy": {"min": 0.8, "max": 1}}');
SELECT reco_mood('zorbing') ->> 'energy_level' AS inside;
ROLLBACK;
SELECT reco_mood('zorbing') ->> 'energy_level' AS after;
-- a built-in word and one's own view of it: in between
INSERT INTO reco.mood_term (term, targets) VALUES ('happy', '{"valence": {"min": 0, "max": 0.3}}');
SELECT (reco_mood('happy') #>> '{targets,valence,target}')::real BETWEEN .16 AND .84 AS in_between;
-- two words
INSERT INTO reco.mood_term (term, targets) VALUES ('night owls', '{"energy": {"min": 0.1, "max": 0.2}}');
SELECT term, stem FROM reco.mood_term WHERE term = 'night owls';
SELECT reco_mood('night owl') #> '{targets,energy,target}' IS NOT NULL AS two, reco_mood('owl') -> 'targets' AS one;

-- what is checked
INSERT INTO reco.mood_term (term, targets) VALUES ('x', '[]');
INSERT INTO reco.mood_term (term, targets) VALUES ('x', '{"enregy": {"min": 0, "max": 1}}');
INSERT INTO reco.mood_term (term, targets) VALUES ('x', '{"energy": {"min": 1, "max": 0}}');
INSERT INTO reco.mood_term (term, targets) VALUES ('one two three', '{"energy": {"min": 0, "max": 1}}');
CREATE FUNCTION pg_temp.says(term text, targets text, source text = 'manual') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text;
BEGIN
	INSERT INTO reco.mood_term (term, targets, source) VALUES (term, targets::jsonb, source);
	DELETE FROM reco.mood_term AS m WHERE m.term = says.term AND m.source = says.source;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	RETURN state || ' | ' || message;
END $$;
SELECT targets, pg_temp.says('word', targets) FROM unnest(ARRAY['{"energy": {"min": 0, "max": 1}}', '{"energy": {"mean": 0.5, "sd": 0.1}}', '{}', NULL, 'null', '1', '"x"', '[{}]', '{"energy": 0.5}', '{"energy": []}',
	'{"energy": {}}', '{"energy": {"min": 0}}', '{"energy": {"mean": 0.5}}', '{"energy": {"mean": 0.5, "sd": 0}}', '{"energy": {"mean": 0.5, "sd": -1}}', '{"energy": {"min": "0", "max": 1}}',
	'{"energy": {"min": 0.5, "max": 0.5}}', '{"energy": {"min": 0, "max": 1, "weight": 0}}', '{"energy": {"min": 0, "max": 1, "weight": 1.1}}', '{"energy": {"min": 0, "max": 1, "weight": -1}}',
	'{"energy": {"min": 0, "max": 1, "weight": "1"}}', '{"key": {"min": 0, "max": 1}}', '{"": {"min": 0, "max": 1}}', '{"energy": {"mean": 1e300, "sd": 1}}']) AS targets;
SELECT term, pg_temp.says(term, '{"energy": {"min": 0, "max": 1}}') FROM unnest(ARRAY['word', 'two words', 'the word', 'the', 'the of and', '', ' ', '!!!', 'a b c d e f g h i j k', NULL]) AS term;
SELECT source, pg_temp.says('word', '{"energy": {"min": 0, "max": 1}}', source) FROM unnest(ARRAY['manual', 'builtin', 'learned', 'mine']) AS source;
-- one row per word and source
INSERT INTO reco.mood_term (term, targets) VALUES ('jumping', '{"energy": {"min": 0, "max": 1}}');
INSERT INTO reco.mood_term (term, targets) VALUES ('jumps', '{"energy": {"min": 0, "max": 1}}');

-- what is learned: words of genres and tags, tied to their tracks
INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 40) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, genres, tags, features, energy, valence) SELECT 't' || i, 'a' || i, 'Song ' || i, 'Artist ' || i,
	CASE WHEN i <= 20 THEN '{Quietcore}'::text[] ELSE '{loudcore}' END, CASE WHEN i IN (1, 2, 3) THEN '{rareword}'::text[] WHEN i <= 10 THEN '{my zzz list}' ELSE '{}' END, 'measured', CASE WHEN i <= 20 THEN .1 ELSE .9 END, .5
FROM generate_series(1, 40) AS i;
SELECT reco_learn_moods() AS learned \gset
SELECT count(*) - :learned AS the_background FROM reco.mood_term WHERE source = 'learned';
SELECT reco_learn_moods() = :learned AS again;
SELECT stem, tracks, labels FROM reco.mood_term WHERE source = 'learned' AND stem IN ('quietcor', 'loudcor', 'zzz', 'rareword') ORDER BY stem;
SELECT reco_mood('quietcore') ->> 'energy_level' AS quiet, (reco_mood('loudcore') #>> '{targets,energy,target}')::real > .6 AS loud, reco_mood('quietcore') ->> 'source' AS source, reco_mood('quietcore') -> 'genres' AS genres;
SELECT count(*) AS manual_rows_stay FROM reco.mood_term WHERE source = 'manual';
SELECT count(*) > 150 AS builtin_rows_stay FROM reco.mood_term WHERE source = 'builtin';
BEGIN;
DELETE FROM reco.track;
SELECT reco_learn_moods() AS of_nothing;
SELECT count(*) AS learned FROM reco.mood_term WHERE source = 'learned' AND stem = 'quietcor';
ROLLBACK;
SELECT count(*) AS learned FROM reco.mood_term WHERE source = 'learned' AND stem = 'quietcor';

DROP EXTENSION reco;
