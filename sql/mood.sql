-- What a prompt means.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
\pset format unaligned
\pset fieldsep ' | '

-- without a catalogue the words that ship with the extension are known
SELECT array_agg(key ORDER BY key) AS keys FROM jsonb_object_keys(reco_mood('calm')) AS key;
SELECT prompt, m ->> 'energy_level' AS energy, m ->> 'primary_emotion' AS emotion, m ->> 'source' AS source, (m ->> 'confidence')::numeric > .5 AS sure
FROM unnest(ARRAY['calm', 'party', 'happy', 'sad', 'workout', 'focus', 'rainy sunday, calm', 'Sad.', 'CALM!', 'happiness', 'zzyzx']) AS prompt, reco_mood(prompt) AS m;
-- domain.md's profiles: what each word asks for
SELECT prompt, array_agg(key || CASE WHEN (value ->> 'target')::real < lo THEN ' low' WHEN (value ->> 'target')::real > hi THEN ' high' ELSE ' middle' END ORDER BY key)
FROM unnest(ARRAY['party', 'chill', 'focus', 'emotional', 'acoustic', 'live', 'podcast']) AS prompt, jsonb_each(reco_mood(prompt) -> 'targets'),
	 LATERAL (VALUES (CASE key WHEN 'tempo' THEN 100 WHEN 'loudness' THEN -9 ELSE .45 END, CASE key WHEN 'tempo' THEN 120 WHEN 'loudness' THEN -7 ELSE .55 END)) AS v (lo, hi)
GROUP BY prompt ORDER BY prompt;

-- the targets of a prompt; NULL where it says nothing
CREATE FUNCTION pg_temp.target(prompt text, feature text) RETURNS real LANGUAGE sql AS $$
	SELECT (reco_mood(prompt) -> 'targets' -> feature ->> 'target')::real $$;
SELECT pg_temp.target('not happy', 'valence') < .5 AS not_happy, pg_temp.target('not sad', 'valence') > .5 AS not_sad,
	   pg_temp.target('very calm', 'energy') < pg_temp.target('calm', 'energy') AS very_calm,
	   pg_temp.target('nothing too loud', 'loudness') IS NULL OR pg_temp.target('nothing too loud', 'loudness') < -8 AS not_loud,
	   pg_temp.target('no vocals', 'instrumentalness') > .6 AS no_vocals,
	   pg_temp.target('nothing but happy', 'valence') > .7 AS nothing_but,
	   pg_temp.target('happy and sad', 'valence') BETWEEN .3 AND .75 AS both,
	   pg_temp.target('170 bpm', 'tempo') = 170 AS bpm,
	   pg_temp.target('zzyzx', 'energy') IS NULL AS nothing;
-- live is not in lively
SELECT reco_mood('live') #> '{targets,liveness}' IS NOT NULL AS live, reco_mood('lively') #> '{targets,liveness}' IS NOT NULL AS lively;
-- ranges stay inside what a feature can be
SELECT prompt, key, value FROM unnest(ARRAY['very calm', 'very happy', 'not happy', 'very sad', 'hyper', 'extremely acoustic']) AS prompt, jsonb_each(reco_mood(prompt) -> 'targets')
WHERE key NOT IN ('tempo', 'loudness', 'year', 'popularity') AND ((value ->> 'target')::real NOT BETWEEN 0 AND 1 OR (value ->> 'min')::real < -.3 OR (value ->> 'max')::real > 1.3);

-- eras
SELECT prompt, reco_mood(prompt) -> 'era' AS era FROM unnest(ARRAY['80s', 'the ''80s', '1980s', 'the eighties', '1994', '1975 to 1985', '1975-1985', 'between 1975 and 1985', '80s and 90s',
	'since 2010', 'after 2010', 'until 1969', 'before 1970', 'since the 90s', 'before the 80s', 'after the seventies', 'no 80s', '99 luftballons', 'calm']) AS prompt;

-- themes and regions
SELECT prompt, m -> 'exclude_themes' AS exclude_themes, m -> 'regions' AS regions
FROM unnest(ARRAY['calm', 'christmas songs', 'gospel', 'disney songs for kids', 'movie soundtrack', 'stand-up comedy', 'french chanson', 'k-pop', 'no k-pop', 'latin but no salsa', 'lost', 'lively']) AS prompt, reco_mood(prompt) AS m;

-- confidence is the share of what is understood
SELECT (reco_mood('calm') ->> 'confidence')::numeric > (reco_mood('calm zzyzx') ->> 'confidence')::numeric AS less, (reco_mood('zzyzx') ->> 'confidence')::numeric = 0 AS none,
	   reco_mood('calm zzyzx') -> 'unknown' AS unknown, reco_mood('calm, no happy') -> 'not_wanted' AS not_wanted, reco_mood('calm happy') -> 'keywords' AS keywords;

-- names, once there are any
INSERT INTO reco.artist (artist_id, name) VALUES ('a1', 'Glass Harbor'), ('a2', 'Happy'), ('a3', 'Björk Ensemble'), ('a4', 'Calm');
INSERT INTO reco.track (track_id, artist_id, title, artist, genres, features, energy) VALUES
('t1', 'a1', 'Paper Moon', 'Glass Harbor', '{dream pop}', 'measured', .5), ('t2', 'a2', 'Smile', 'Happy', '{pop}', 'measured', .8), ('t3', 'a3', 'Isobel', 'Björk Ensemble', '{electronic}', 'measured', .4),
('t4', 'a4', 'Quiet', 'Calm', '{ambient}', 'measured', .1);
SELECT prompt, m -> 'artists' AS artists, m -> 'tracks' AS tracks
FROM unnest(ARRAY['like Glass Harbor', 'songs by glass harbor', 'similar to GLASS HARBOR', '"Paper Moon"', '"paper moon" by Glass Harbor', 'like bjork ensemble', 'like Björk Ensemble', 'like Glas Harbour',
	'an evening with Glass Harbor and tea', '“Paper Moon”', '«Paper Moon»', 'paper moon', 'Rainy Sunday Morning Coffee', 'like nobody at all', 'calm', 'happy', 'not like Glass Harbor']) AS prompt, reco_mood(prompt) AS m;
-- a name that is found is no mood
SELECT reco_mood('like Happy') -> 'targets' -> 'valence' AS of_a_name, reco_mood('happy') -> 'targets' -> 'valence' IS NOT NULL AS of_a_word;
SELECT reco_mood('"Paper Moon" and tea') -> 'keywords' AS keywords, reco_mood('"Paper Moon" and tea') -> 'unknown' AS unknown;

-- genres and their spellings, once there are any
INSERT INTO reco.artist (artist_id, name) SELECT 'g' || i, 'Genre Artist ' || i FROM generate_series(1, 10) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, genres, features, energy, valence) SELECT 'g' || i, 'g' || i, 'Genre ' || i, 'Genre Artist ' || i,
	CASE WHEN i <= 5 THEN '{hip hop}'::text[] ELSE '{r&b}' END, 'measured', .7, .6 FROM generate_series(1, 10) AS i;
SELECT reco_learn_moods() AS learned;
SELECT prompt, m -> 'genres' AS genres, m ->> 'source' AS source FROM unnest(ARRAY['hip hop', 'hip-hop', 'HipHop', 'hiphop', 'r&b', 'R & B', 'rnb', 'r''n''b', 'hop', 'no hip hop']) AS prompt, reco_mood(prompt) AS m;

-- the same in any dress
SELECT count(DISTINCT reco_mood(prompt) - 'interpretation') FROM unnest(ARRAY['calm happy', 'Calm, happy', '  calm   happy!!! ', 'CALM HAPPY', E'calm\thappy\n', 'ca' || chr(8203) || 'lm happy', 'cálm happy']) AS prompt;

-- 100 kB of anything
SELECT jsonb_typeof(reco_mood(repeat('calm ', 20000))) AS words, jsonb_typeof(reco_mood(repeat('x', 100000))) AS one_word, jsonb_typeof(reco_mood(repeat('雨', 30000))) AS no_spaces,
	   jsonb_typeof(reco_mood(repeat('"', 100000))) AS quotes, jsonb_typeof(reco_mood(repeat('not ', 20000))) AS nots;

DROP EXTENSION reco;
