-- The list: what it obeys, what the options change, what each column says.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
-- each call is a run of its own
SET reco.result_cache = off;

-- 12 artists of four genres with 5 tracks each, the genres far apart
INSERT INTO reco.artist (artist_id, name, genres, popularity)
SELECT 'a' || a, (ARRAY['Alder Row', 'Birch Lane', 'Cedar Hall', 'Dune Choir', 'Elm Street Trio', 'Fern Union',
	'Glass Harbor', 'Hollow Pine', 'Iron Meadow', 'Juniper Six', 'Kelp Forest', 'Lark Motel'])[a],
	ARRAY[(ARRAY['folk', 'rap', 'techno', 'jazz'])[(a - 1) % 4 + 1]], 40 + a
FROM generate_series(1, 12) AS a;
INSERT INTO reco.track (track_id, artist_id, title, artist, genres, popularity, release_date, release_precision,
	features, acousticness, danceability, energy, instrumentalness, liveness, speechiness, valence, loudness, tempo, key, mode)
SELECT format('t%s_%s', a, t), artist_id, (ARRAY['Morning', 'Window', 'Paper', 'Stone', 'River'])[t] || ' ' || name, name, ar.genres,
	30 + 2 * a + 3 * t, make_date(1970 + 4 * a + t, 1, 1), 'year', 'measured',
	(ARRAY[.9, .2, .05, .6])[g], (ARRAY[.4, .8, .75, .5])[g], (ARRAY[.2, .7, .9, .4])[g] + t * .02,
	(ARRAY[.1, 0, .8, .6])[g], .1, (ARRAY[.03, .3, .05, .04])[g], (ARRAY[.4, .5, .3, .6])[g] + t * .03,
	(ARRAY[-15, -6, -5, -12])[g], (ARRAY[90, 95, 128, 110])[g] + t, t, t % 2
FROM generate_series(1, 12) AS a, generate_series(1, 5) AS t, reco.artist AS ar, LATERAL (SELECT (a - 1) % 4 + 1 AS g) AS x
WHERE ar.artist_id = 'a' || a;
SELECT reco_learn_moods() > 0 AS learned;

-- the ids of a list, best first or in its own order
CREATE FUNCTION pg_temp.ids(user_id text, prompt text, size int, options jsonb = '{}') RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(track_id ORDER BY rank) FROM reco_generate(user_id, prompt, size, options => options) $$;
CREATE FUNCTION pg_temp.sorted(ids text[]) RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(id ORDER BY id COLLATE "C") FROM unnest(ids) AS id $$;
-- what of a list breaks a rule that every list obeys
CREATE FUNCTION pg_temp.faults(user_id text, prompt text, size int, options jsonb = '{}') RETURNS TABLE (fault text)
LANGUAGE plpgsql AS $$
DECLARE
	list text[] := pg_temp.ids(user_id, prompt, size, options);
BEGIN
	IF cardinality(list) > size THEN RETURN QUERY SELECT 'more than asked for'; END IF;
	RETURN QUERY SELECT 'twice: ' || id FROM unnest(list) AS id GROUP BY id HAVING count(*) > 1;
	RETURN QUERY SELECT 'not in the catalogue: ' || id FROM unnest(list) AS id WHERE id NOT IN (SELECT track_id FROM reco.track);
	RETURN QUERY SELECT 'artist: ' || artist_id FROM reco.track WHERE track_id = ANY (list) GROUP BY artist_id HAVING count(*) > 2;
	RETURN QUERY SELECT 'title: ' || dup_key FROM reco.track WHERE track_id = ANY (list) GROUP BY dup_key HAVING count(*) > 1;
	RETURN QUERY SELECT 'ISRC: ' || isrc FROM reco.track WHERE track_id = ANY (list) AND isrc IS NOT NULL GROUP BY isrc HAVING count(*) > 1;
END $$;

--
-- The columns
--
\pset format unaligned
\pset fieldsep ' | '
SELECT rank, track_id IN (SELECT t.track_id FROM reco.track AS t) AS known, title <> '' AS title, artist <> '' AS artist, album,
	   score BETWEEN 0 AND 1 AS score, strategy IN ('user_anchors', 'artist_discovery', 'seed_based') AS strategy, origin,
	   reason <> '' AS reason, run_id > 0 AND count(*) OVER (PARTITION BY run_id) = 6 AS one_run
FROM reco_generate('ana', 'calm folk', 6) ORDER BY rank;
SELECT bool_and(t.title = g.title AND t.artist = g.artist AND t.album IS NOT DISTINCT FROM g.album) AS as_in_the_catalogue
FROM reco_generate('', 'jazz', 20) AS g JOIN reco.track AS t USING (track_id);

-- folk is what is asked for, and what comes, as long as there is any: 3 artists, 2 tracks each
SELECT count(*) FILTER (WHERE 'folk' = ANY (t.genres)) AS folk FROM reco_generate('', 'folk', 6) JOIN reco.track AS t USING (track_id);
-- 12 artists, two tracks each: all that qualify, however many are wanted
SELECT cardinality(pg_temp.ids('', 'folk', 24)) AS all_24, cardinality(pg_temp.ids('', 'folk', 100)) AS of_100,
	   cardinality(pg_temp.ids('', 'zzyzx', 24)) AS unknown_word, cardinality(pg_temp.ids('', 'no folk', 24)) AS nine_artists;

-- what every list obeys
SELECT prompt, size, fault FROM unnest(ARRAY['folk', 'calm', 'no rap', 'zzyzx', 'jazz from the 80s', 'happy techno']) AS prompt,
	   unnest(ARRAY[1, 7, 20, 100]) AS size, LATERAL pg_temp.faults('', prompt, size);

--
-- The same question, the same list; another seed, another list
--
SELECT pg_temp.ids('', 'calm jazz', 12) = pg_temp.ids('', 'calm jazz', 12) AS again,
	   pg_temp.ids('', 'calm jazz', 12, '{"seed": 7}') = pg_temp.ids('', 'calm jazz', 12, '{"seed": 7}') AS seed_again,
	   pg_temp.ids('', 'calm jazz', 12, '{"seed": 0}') = pg_temp.ids('', 'calm jazz', 12) AS seed_0,
	   count(DISTINCT pg_temp.ids('', 'calm jazz', 12, jsonb_build_object('seed', s))) > 1 AS seeds_differ
FROM generate_series(1, 5) AS s;
SELECT count(DISTINCT run_id) FROM (SELECT run_id FROM reco_generate('', 'calm', 2) UNION ALL SELECT run_id FROM reco_generate('', 'calm', 2)) AS two_runs;

-- order: two permutations of one list; by score it falls
SELECT pg_temp.sorted(pg_temp.ids('', 'calm', 20)) = pg_temp.sorted(pg_temp.ids('', 'calm', 20, '{"order": "score"}')) AS permutation,
	   pg_temp.ids('', 'calm', 20) <> pg_temp.ids('', 'calm', 20, '{"order": "score"}') AS other_order,
	   pg_temp.ids('', 'calm', 20) = pg_temp.ids('', 'calm', 20, '{"order": "arc"}') AS arc_is_the_default;
SELECT bool_and(score <= before) AS falls FROM
	(SELECT score, lag(score, 1, 1) OVER (ORDER BY rank) AS before FROM reco_generate('', 'calm', 20, options => '{"order": "score"}')) AS g;

-- strategies: each alone, and any two
SELECT strategies, count(DISTINCT track_id) AS tracks, bool_and(strategies ? strategy) AS only_these
FROM unnest(ARRAY['["artist_discovery"]', '["seed_based"]', '["user_anchors"]', '["user_anchors", "artist_discovery"]', '["artist_discovery", "seed_based"]']::jsonb[]) AS strategies,
	 LATERAL reco_generate('', 'like Alder Row', 8, options => jsonb_build_object('strategies', strategies)) GROUP BY strategies ORDER BY strategies;

--
-- Options that leave out
--
SELECT bool_or(track_id IN ('t1_1', 't5_2')) AS negative FROM reco_generate('', 'folk', 24, options => '{"negative_tracks": ["t1_1", "t5_2", "nobody"]}');
SELECT excluded, count(*) FILTER (WHERE artist = 'Alder Row') AS of_it, count(*) FROM unnest(ARRAY['a1', 'Alder Row', 'alder row', 'ÁLDER  ROW!', 'Alder']) AS excluded,
	   LATERAL reco_generate('', 'folk', 24, options => jsonb_build_object('exclude_artists', jsonb_build_array(excluded))) GROUP BY excluded ORDER BY excluded COLLATE "C";
SELECT bool_or(artist = 'Alder Row') AS excluded_though_named FROM reco_generate('', 'like Alder Row', 10, options => '{"exclude_artists": ["Alder Row"]}');
SELECT count(*) FILTER (WHERE artist = 'Cedar Hall') > 0 AS included_techno FROM reco_generate('', 'folk', 8, options => '{"include_artists": ["a3"]}');
SELECT count(*) FILTER (WHERE artist = 'Cedar Hall') > 0 AS included_by_name FROM reco_generate('', 'folk', 8, options => '{"include_artists": ["Cedar Hall"]}');
SELECT era, count(*) > 0 AS found, min(date_part('year', release_date)) >= lo AND max(date_part('year', release_date)) <= hi AS inside
FROM (VALUES ('"80s"'::jsonb, 1980, 1989), ('"1990s"', 1990, 1999), ('"00s"', 2000, 2009), ('{"from": 2005}', 2005, 9999), ('{"to": 1985}', 0, 1985),
	   ('{"from": 1984, "to": 1984}', 1984, 1984)) AS e (era, lo, hi),
	 LATERAL reco_generate('', 'calm', 20, options => jsonb_build_object('era', era)) JOIN reco.track USING (track_id) GROUP BY era, lo, hi ORDER BY lo, hi;
SELECT count(*) > 0 AS found, min(date_part('year', release_date)) >= 1990 AS era_of_options_wins
FROM reco_generate('', 'calm from the 80s', 20, options => '{"era": "90s"}') JOIN reco.track USING (track_id);
SELECT prompt, count(*) > 0 AS found, min(date_part('year', release_date)) >= lo AND max(date_part('year', release_date)) <= hi AS inside
FROM (VALUES ('calm from the 80s', 1980, 1989), ('nineties', 1990, 1999), ('since 2000', 2000, 9999), ('before 1985', 0, 1984), ('1975 to 1985', 1975, 1985)) AS e (prompt, lo, hi),
	 LATERAL reco_generate('', prompt, 20) JOIN reco.track USING (track_id) GROUP BY prompt, lo, hi ORDER BY lo, hi;
SELECT min(popularity) >= 50 AND max(popularity) <= 55 AND count(*) > 0 AS popularity
FROM reco_generate('', 'calm', 20, options => '{"min_popularity": 50, "max_popularity": 55}') JOIN reco.track USING (track_id);
SELECT count(*) FROM reco_generate('', 'calm', 20, options => '{"min_popularity": 100}');
SELECT count(*) FROM reco_generate('', 'calm', 20, options => '{"era": {"from": 1900, "to": 1901}}');

--
-- Mentions: protected, and their artists have up to half of the list
--
SELECT prompt, bool_or(track_id = 't2_3') AS delivered, bool_or(track_id = 't2_3' AND reason LIKE '%you named it%') AS said
FROM unnest(ARRAY['"Paper Birch Lane"', 'calm folk and "paper birch lane"', '"Paper" by Birch Lane', 'songs like "Paper Birch Lane" from the 90s, no rap']) AS prompt,
	 LATERAL reco_generate('', prompt, 3) WHERE prompt !~ '"Paper"' GROUP BY prompt ORDER BY prompt COLLATE "C";
SELECT bool_or(track_id = 't2_3') AS whatever_the_options FROM reco_generate('', '"Paper Birch Lane"', 5,
	options => '{"era": "00s", "min_popularity": 60, "strategies": ["artist_discovery"]}');
SELECT bool_or(track_id = 't2_3') AS but_not_against_them FROM reco_generate('', '"Paper Birch Lane"', 5, options => '{"negative_tracks": ["t2_3"]}');
INSERT INTO reco.artist (artist_id, name) VALUES ('cover', 'Cover Band');
INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES ('cover', 'cover', 'Window Elm Street Trio', 'Cover Band');
SELECT bool_or(track_id = 'cover') AS by_the_named, bool_or(track_id = 't5_2' AND reason LIKE '%you named it%') AS by_the_other
FROM reco_generate('', '"Window Elm Street Trio" by Cover Band', 5);
DELETE FROM reco.track WHERE track_id = 'cover';
SELECT prompt, size, count(*) FILTER (WHERE artist = 'Cedar Hall') AS of_it, count(*) AS tracks,
	   max(other) <= 2 AS others_two
FROM unnest(ARRAY['like Cedar Hall', 'songs by cedar hall', 'something similar to Cedar Hall please']) AS prompt, unnest(ARRAY[1, 4, 8, 20]) AS size,
	 LATERAL (SELECT *, count(*) FILTER (WHERE artist <> 'Cedar Hall') OVER (PARTITION BY artist) AS other FROM reco_generate('', prompt, size)) AS g
GROUP BY prompt, size ORDER BY prompt COLLATE "C", size;

--
-- Negation and themes
--
SELECT prompt, count(*) FILTER (WHERE 'rap' = ANY (t.genres)) AS rap, count(*) > 0 AS found
FROM unnest(ARRAY['no rap', 'party without rap', 'energetic but not rap', 'nothing but rap']) AS prompt, LATERAL reco_generate('', prompt, 4) JOIN reco.track AS t USING (track_id)
GROUP BY prompt ORDER BY prompt;
-- an artist who is not wanted
SELECT prompt, count(*) FILTER (WHERE artist = 'Birch Lane') AS of_it, count(*) > 0 AS found
FROM unnest(ARRAY['no Birch Lane', 'everything except Birch Lane', 'rap but nothing like Birch Lane', 'nothing by Birch Lane', 'not Birch Lane, but rap']) AS prompt, LATERAL reco_generate('', prompt, 24)
GROUP BY prompt ORDER BY prompt;
INSERT INTO reco.artist (artist_id, name) SELECT 'x' || i, 'Xander ' || i FROM generate_series(1, 6) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, album, genres, features, energy, acousticness, valence) VALUES
('x1', 'x1', 'Calm Christmas', 'Xander 1', NULL, '{folk}', 'measured', .2, .9, .5), ('x2', 'x2', 'Evening', 'Xander 2', 'A Very Calm Xmas', '{folk}', 'measured', .2, .9, .5),
('x3', 'x3', 'Calm Night', 'Xander 3', NULL, '{folk,gospel}', 'measured', .2, .9, .5), ('x4', 'x4', 'Lullaby', 'Xander 4', NULL, '{children,folk}', 'measured', .2, .9, .5),
('x5', 'x5', 'Lost and Calm', 'Xander 5', NULL, '{folk}', 'measured', .2, .9, .5), ('x6', 'x6', 'Calm Soundtrack', 'Xander 6', NULL, '{folk,soundtrack}', 'measured', .2, .9, .5);
SELECT prompt, array_agg(track_id ORDER BY track_id) FILTER (WHERE track_id LIKE 'x%') AS themed
FROM unnest(ARRAY['calm folk', 'calm folk christmas', 'calm gospel folk', 'calm folk for kids', 'calm folk soundtrack', 'lost folk', 'calm folk, no christmas']) AS prompt, LATERAL reco_generate('', prompt, 100)
GROUP BY prompt ORDER BY prompt;
DELETE FROM reco.track WHERE track_id LIKE 'x%';

--
-- Versions of one recording
--
INSERT INTO reco.artist (artist_id, name) VALUES ('v', 'Vélvet Öwl'), ('v2', 'Velvet Owl'), ('w', 'Wren');
INSERT INTO reco.track (track_id, artist_id, title, artist, artist_ids, isrc, genres, features, energy, acousticness) VALUES
('v1', 'v', 'Café Lights', 'Vélvet Öwl', NULL, NULL, '{folk}', 'measured', .2, .9), ('v2', 'v', 'CAFE LIGHTS', 'Vélvet Öwl', NULL, NULL, '{folk}', 'measured', .21, .9),
('v3', 'v2', 'Cafe Lights - Remastered 2011', 'Velvet Owl', NULL, NULL, '{folk}', 'measured', .22, .9), ('v4', 'v', 'Café Lights (feat. Wren)', 'Vélvet Öwl, Wren', '{v,w}', NULL, '{folk}', 'measured', .23, .9),
('v5', 'v', 'Café Lights [Radio Edit]', 'Vélvet Öwl', NULL, NULL, '{folk}', 'measured', .24, .9), ('v6', 'v2', 'Other Name', 'Velvet Owl', NULL, 'QZABC', '{folk}', 'measured', .2, .9),
('v7', 'w', 'Another Name', 'Wren', NULL, 'QZABC', '{folk}', 'measured', .2, .9);
SELECT size, count(*) FILTER (WHERE title ~* 'caf. lights') AS lights, count(*) FILTER (WHERE track_id IN ('v6', 'v7')) AS isrc
FROM unnest(ARRAY[5, 20, 100]) AS size, LATERAL reco_generate('', 'folk', size, options => '{"include_artists": ["v", "v2", "w"]}') GROUP BY size ORDER BY size;
SELECT fault FROM pg_temp.faults('', 'folk', 100);
SELECT count(*) FILTER (WHERE track_id IN ('v1', 'v2', 'v3', 'v4', 'v5')) AS though_named FROM reco_generate('', '"Cafe Lights" and folk', 20);
DELETE FROM reco.track WHERE track_id LIKE 'v%';

--
-- What was not measured can be in the list, and says so
--
INSERT INTO reco.track (track_id, artist_id, title, artist, features) VALUES ('u1', 'w', 'Unmeasured', 'Wren', 'absent');
SELECT count(*), bool_or(track_id = 'u1') AS last_of_all FROM reco_generate('', 'calm', 100);
SELECT reason FROM reco_generate('', 'calm', 100) WHERE track_id = 'u1';
SELECT parts ->> 'mood' AS mood FROM reco_rank('', 'calm') WHERE track_id = 'u1';
DELETE FROM reco.track WHERE track_id = 'u1';

--
-- Reasons: short, and true where they can be checked
--
SELECT count(*) FILTER (WHERE reason IS NULL OR length(reason) NOT BETWEEN 5 AND 400) AS bad,
	   count(*) FILTER (WHERE reason ~ ' is among its genres' AND NOT substring(reason FROM '([a-z]+) is among its genres') = ANY (t.genres)) AS false_genre,
	   count(*) FILTER (WHERE reason ~ 'energy \.' AND abs(substring(reason FROM 'energy (\.\d\d)')::real - t.energy) > .0101) AS false_energy,
	   count(*) FILTER (WHERE reason ~ 'acousticness \.' AND abs(substring(reason FROM 'acousticness (\.\d\d)')::real - t.acousticness) > .006) AS false_acousticness,
	   count(*) FILTER (WHERE reason ~ 'by .*, whom you named' AND t.artist NOT IN ('Alder Row', 'Cedar Hall')) AS false_name,
	   count(*) FILTER (WHERE reason ~ 'you (played|liked)') AS false_history,
	   count(*) FILTER (WHERE reason ~ 'near "' AND NOT substring(reason FROM 'near "([^"]*)"') IN (SELECT title FROM reco.track)) AS near_nothing
FROM unnest(ARRAY['calm', 'folk', 'happy jazz', 'like Alder Row', 'songs by Cedar Hall', 'party', 'zzyzx', '120 bpm']) AS prompt,
	 LATERAL reco_generate('nobody', prompt, 20) JOIN reco.track AS t USING (track_id);
-- nobody asked for a label
SELECT count(*) FROM reco_generate('', '"Paper Birch Lane"', 10) WHERE reason LIKE '%labels you asked for%';

--
-- The document
--
SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(reco_generate_json('ana', 'calm folk', 3)) AS key;
SELECT array_agg(DISTINCT key ORDER BY key) FROM jsonb_array_elements(reco_generate_json('ana', 'calm folk', 3) -> 'tracks') AS t, jsonb_object_keys(t) AS key;
SELECT j ->> 'user_id' AS user_id, j ->> 'prompt' AS prompt, j -> 'size' AS size, j -> 'complete' AS complete, j -> 'missing' AS missing, jsonb_array_length(j -> 'tracks') AS tracks, j ->> 'order' AS "order",
	   j ->> 'arc' AS arc, (j ->> 'run_id')::bigint > 0 AS run_id, (j ->> 'total_ms')::numeric >= 0 AS total_ms
FROM reco_generate_json('ana', E'calm "folk" \\ \u00e9\u4e2d', 3) AS j;
SELECT array_agg(key ORDER BY key) AS quality FROM jsonb_object_keys(reco_generate_json('ana', 'calm', 3) -> 'quality') AS key;
SELECT key AS strategy, array(SELECT jsonb_object_keys(value) ORDER BY 1) AS says FROM jsonb_each(reco_generate_json('ana', 'calm', 3) -> 'strategies') ORDER BY key;
SELECT key AS stage, array(SELECT jsonb_object_keys(value) ORDER BY 1) AS says, (value ->> 'ms')::numeric >= 0 AS ms FROM jsonb_each(reco_generate_json('ana', 'calm', 3) -> 'stages') ORDER BY key;
SELECT (SELECT array_agg(t ->> 'track_id') FROM jsonb_array_elements(reco_generate_json('', 'calm', 10) -> 'tracks') AS t) = pg_temp.ids('', 'calm', 10) AS same_list;
SELECT t ->> 'track_id' = r.track_id AND t -> 'features' ->> 'tempo' IS NOT NULL AS features, t -> 'features' -> 'popularity' = to_jsonb(r.popularity) AS popularity, t ->> 'release' = date_part('year', r.release_date)::text AS release
FROM jsonb_array_elements(reco_generate_json('', 'calm', 2) -> 'tracks') AS t JOIN reco.track AS r ON r.track_id = t ->> 'track_id';
SELECT jsonb_array_length(reco_generate_json('', 'calm', 5, options => '{"min_popularity": 100}') -> 'tracks') AS nothing_fits;

--
-- reco_rank: the same scores, before the rules
--
SELECT count(*) AS n, min(rank) AS first, max(rank) AS last, bool_and(score BETWEEN 0 AND 1) AS scores, count(DISTINCT track_id) AS tracks, bool_and(jsonb_typeof(parts) = 'object') AS parts FROM reco_rank('ana', 'calm folk', 10);
SELECT bool_and(score <= before) AS falls, count(*) AS n FROM (SELECT score, lag(score, 1, 1) OVER (ORDER BY rank) AS before FROM reco_rank('', 'calm folk')) AS r;
SELECT key, bool_and(value::numeric BETWEEN 0 AND 1) AS inside FROM reco_rank('', 'calm folk'), jsonb_each_text(parts) GROUP BY key ORDER BY key;
SELECT bool_and(r.score = g.score) AS same_scores FROM reco_generate('', 'calm folk', 20) AS g JOIN reco_rank('', 'calm folk') AS r USING (track_id);
SELECT max(n) > 2 AS before_the_caps FROM (SELECT count(*) AS n FROM reco_rank('', 'folk') JOIN reco.track USING (track_id) GROUP BY artist_id) AS r;

--
-- reco_explain, its figures masked; each run is one of its own
--
SET reco.artifacts = off;
SELECT regexp_replace(regexp_replace(line, '-?\d+(\.\d+)?(e[+-]?\d+)?', 'N', 'g'), ' +', ' ', 'g') AS line
FROM reco_explain('ana', 'calm folk, no rap, zzyzx', 2) WITH ORDINALITY AS e (line, n)
WHERE line !~ '^ +\d+ +\d' AND line !~ 'Targets:' AND line !~ 'Pruned' ORDER BY n;
RESET reco.artifacts;
SELECT count(*) AS tracks FROM reco_explain('ana', 'calm folk', 7) AS line WHERE line ~ '^ +\d+ +0\.\d+  .* - .*  \((user_anchors|artist_discovery|seed_based), local\)';
SELECT count(*) > 0 AS pruned FROM reco_explain('', 'folk', 20, options => '{"negative_tracks": ["t1_1"]}') AS line WHERE line ~ 'Pruned by negative: 1$';

--
-- Any language, any bytes
--
SELECT prompt, count(*) = 5 AS five FROM unnest(ARRAY['música tranquila para dormir', '雨の日に聴きたい静かな曲', 'спокойная музыка', 'موسيقى هادئة', '🌧️☕', '!!!', '"', '''', E'\\', '%s%n', '"unclosed',
	'<b>calm</b> &amp; http://example.org/x?y=z', E'a\u0301\u200d\u202e', 'NULL', '0', '--', '$1']) AS prompt, LATERAL reco_generate('', prompt, 5) GROUP BY prompt HAVING count(*) <> 5;
SELECT count(*) FROM reco_generate('', repeat('calm folk ', 10000), 5);
SELECT count(*) FROM reco_generate('', repeat('x', 100000), 5);
SELECT count(*) FROM reco_generate(repeat('u', 3000), 'calm', 5);
SELECT (reco_mood('música') -> 'confidence')::numeric BETWEEN 0 AND 1 AS confidence;

DROP EXTENSION reco;
