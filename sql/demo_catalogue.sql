-- The made-up catalogue: what a call makes, and that it makes it again.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco CASCADE;

CREATE FUNCTION pg_temp.fingerprint() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(line, E'\n' ORDER BY line COLLATE "C")) FROM (
		SELECT concat_ws('|', track_id, artist_id, title, artist, artist_ids, album, album_id,
						 isrc, release_date, release_precision, duration_ms, explicit, genres,
						 tags, popularity, features, acousticness, danceability, energy,
						 instrumentalness, liveness, speechiness, valence, loudness, tempo,
						 key, mode, time_signature) AS line
		FROM reco.track WHERE source = 'demo'
		UNION ALL
		SELECT concat_ws('|', artist_id, name, genres, popularity)
		FROM reco.artist WHERE source = 'demo'
		UNION ALL
		SELECT concat_ws('|', user_id, track_id, at - max(at) OVER ())
		FROM reco.listen WHERE track_id LIKE 'demo:%' AND user_id <> 'somebody'
		UNION ALL
		SELECT concat_ws('|', user_id, track_id, event, at - max(at) OVER ())
		FROM reco.feedback WHERE track_id LIKE 'demo:%' AND user_id <> 'somebody') AS lines $$;

-- somebody else's rows, which must survive everything below
INSERT INTO reco.artist (artist_id, name, source) VALUES ('x1', 'Not a Demo Artist', 'manual');
INSERT INTO reco.track (track_id, artist_id, title, artist, source)
VALUES ('x2', 'x1', 'Not a Demo Track', 'Not a Demo Artist', 'manual');
INSERT INTO reco.listen (user_id, track_id) VALUES ('ana', 'x2'), ('somebody', 'demo:1:t00007');
INSERT INTO reco.feedback (user_id, track_id, event)
VALUES ('ana', 'x2', 'like'), ('somebody', 'demo:1:t00007', 'skip');

-- what it says
SELECT r->'tracks' AS tracks, r->'artists' AS artists, r->'playlists' AS playlists,
	   r->'listeners' AS listeners, r->'listens' AS listens, r->'feedback' AS feedback,
	   r->'seed' AS seed, r->'made_up' AS made_up, r->'replaced' AS replaced, r->>'try' AS try
FROM reco_demo_catalogue() AS r \gx

-- and what is there
SELECT count(*) AS tracks, count(DISTINCT artist_id) AS artists,
	   count(*) FILTER (WHERE features = 'measured') BETWEEN 4600 AND 4950 AS most_measured,
	   count(*) FILTER (WHERE features = 'absent') > 0 AS some_absent,
	   count(*) FILTER (WHERE features = 'unknown') > 0 AS some_unknown,
	   count(*) FILTER (WHERE popularity IS NULL) BETWEEN 100 AND 400 AS some_of_unknown_popularity,
	   count(*) FILTER (WHERE explicit) > 100 AS some_explicit,
	   count(DISTINCT release_precision) AS precisions
FROM reco.track WHERE source = 'demo' \gx
SELECT count(*) AS artists FROM reco.artist WHERE source = 'demo';
SELECT count(*) AS artists_without_row FROM reco.track t
WHERE NOT EXISTS (SELECT FROM reco.artist a WHERE a.artist_id = ANY (t.artist_ids || t.artist_id));

-- plainly marked
SELECT bool_and(track_id ~ '^demo:1:t[0-9]{5,}$') AS track_ids,
	   bool_and(artist_id ~ '^demo:1:a[0-9]{4,}$') AS artist_ids,
	   bool_and(album_id ~ '^demo:1:b[0-9]{5,}$') AS album_ids,
	   bool_and(album ~ '\(made up\)$') AS albums,
	   bool_and(isrc ~ '^XX[A-Z0-9]{3}[0-9]{7}$') AS isrcs,
	   bool_and(source = 'demo') AS sources
FROM reco.track WHERE track_id <> 'x2' \gx

-- artists: few have many tracks, names are not used twice
SELECT min(n) AS fewest, max(n) AS most, avg(n) BETWEEN 9 AND 15 AS about_twelve,
	   percentile_disc(0.5) WITHIN GROUP (ORDER BY n) < avg(n) AS heavy_tail
FROM (SELECT count(*) AS n FROM reco.track WHERE source = 'demo' GROUP BY artist_id) AS per_artist;
SELECT count(*) - count(DISTINCT lower(name)) AS same_names,
	   bool_and(cardinality(genres) BETWEEN 1 AND 3) AS genres,
	   percentile_disc(0.5) WITHIN GROUP (ORDER BY popularity) < 40 AS long_tail,
	   max(popularity) > 70 AS stars
FROM reco.artist WHERE source = 'demo';

-- genres sound like themselves
CREATE TEMP TABLE sound AS
SELECT genre, count(*) AS n, avg(energy) AS energy, avg(valence) AS valence,
	   avg(acousticness) AS acousticness, avg(danceability) AS danceability,
	   avg(instrumentalness) AS instrumentalness, avg(speechiness) AS speechiness,
	   avg(loudness) AS loudness, avg(tempo) AS tempo, min(release_date) AS first
FROM reco.track, unnest(genres[1:1]) AS genre WHERE source = 'demo' GROUP BY genre;
SELECT count(*) AS genres, min(n) >= 5 AS none_empty FROM sound;
SELECT m.energy > a.energy + 0.4 AS metal_is_louder_than_ambient,
	   m.loudness > a.loudness + 6 AS in_decibels_too,
	   c.acousticness > t.acousticness + 0.5 AS classical_is_acoustic,
	   t.instrumentalness > p.instrumentalness + 0.4 AS techno_has_no_voice,
	   d.tempo > r.tempo + 40 AS drum_and_bass_is_fast,
	   r.speechiness > p.speechiness + 0.1 AS rap_is_spoken,
	   s.valence > m.valence + 0.2 AS salsa_is_happy,
	   h.danceability > a.danceability + 0.3 AS house_is_danced_to,
	   k.first > '2000-01-01' AS no_old_k_pop
FROM sound m, sound a, sound c, sound t, sound p, sound d, sound r, sound s, sound h, sound k
WHERE m.genre = 'metal' AND a.genre = 'ambient' AND c.genre = 'classical' AND t.genre = 'techno'
	  AND p.genre = 'pop' AND d.genre = 'drum-and-bass' AND r.genre = 'rap' AND s.genre = 'salsa'
	  AND h.genre = 'house' AND k.genre = 'k-pop' \gx
SELECT corr(energy, loudness) > 0.7 AS loud_is_energetic,
	   corr(energy, acousticness) < -0.4 AS acoustic_is_calm,
	   corr(danceability, valence) > 0.1 AS danced_to_is_happy,
	   min(tempo) > 40 AND max(tempo) < 220 AS tempo,
	   bool_and(energy::text ~ '^[01](\.[0-9]{1,3})?$') AS three_decimals
FROM reco.track WHERE source = 'demo' \gx

-- versions have their original's key; holidays, children, films; other scripts
SELECT count(*) - count(DISTINCT dup_key) BETWEEN 100 AND 400 AS versions,
	   count(isrc) > count(DISTINCT isrc) AS reissues_share_a_code,
	   count(*) FILTER (WHERE title ~ ' - Remastered \d{4}$') > 0 AS remasters,
	   count(*) FILTER (WHERE title ~ ' - Live$') > 0 AS live,
	   count(*) FILTER (WHERE title ~ ' - Radio Edit$') > 0 AS edits,
	   count(*) FILTER (WHERE title ~ '\(feat\. ') > 0 AS guests,
	   count(*) FILTER (WHERE cardinality(artist_ids) = 2) > 0 AS two_artists,
	   count(*) FILTER (WHERE 'holiday' = ANY (genres)) > 0 AS holidays,
	   count(*) FILTER (WHERE 'kids' = ANY (genres)) > 0 AS kids,
	   count(*) FILTER (WHERE 'soundtrack' = ANY (genres)) > 0 AS films,
	   count(*) FILTER (WHERE octet_length(title) > char_length(title)) > 100 AS other_letters
FROM reco.track WHERE source = 'demo' \gx

-- playlists: up to four a track, each with members that sound alike
SELECT min(cardinality(tags)), max(cardinality(tags)) FROM reco.track WHERE source = 'demo';
SELECT count(DISTINCT tag) AS playlists, min(n) >= 5 AS none_tiny
FROM (SELECT tag, count(*) AS n FROM reco.track, unnest(tags) AS tag GROUP BY tag) AS members;
SELECT tag, bool_and(energy < 0.6) AS calm, bool_and(energy > 0.6) AS energetic,
	   avg(valence) > 0.5 AS happy
FROM reco.track, unnest(tags) AS tag
WHERE tag IN ('Rainy Sunday', 'Workout Energy', 'Feel-Good Friday', 'Sleep Time')
GROUP BY tag ORDER BY tag;

-- listeners: a history and a taste each
SELECT user_id, count(*) BETWEEN 40 AND 200 AS plays,
	   avg((t.genres[1] = ANY (CASE user_id WHEN 'ana' THEN '{indie,folk,jazz}'::text[]
											WHEN 'chen' THEN '{classical,ambient,post-rock}'
											WHEN 'goran' THEN '{metal,punk,progressive}' END))::int)
	   > 0.8 AS taste,
	   bool_and(at BETWEEN now() - interval '91 days' AND now()) AS days
FROM reco.listen JOIN reco.track t USING (track_id)
WHERE source = 'demo' AND user_id IN ('ana', 'chen', 'goran') GROUP BY user_id ORDER BY user_id;
SELECT event, count(DISTINCT user_id) AS listeners FROM reco.feedback f
JOIN reco.track t USING (track_id) WHERE t.source = 'demo' AND user_id <> 'somebody'
GROUP BY event ORDER BY event;
SELECT count(*) AS without_track FROM reco.listen l
WHERE NOT EXISTS (SELECT FROM reco.track t WHERE t.track_id = l.track_id);

-- the same arguments, the same rows; another seed, others; fewer, the first ones
SELECT pg_temp.fingerprint() AS first \gset
SELECT reco_demo_catalogue(5000, 1)->'replaced' AS replaced;
SELECT pg_temp.fingerprint() = :'first' AS same;
SELECT md5(string_agg(concat(title, artist, energy), '' ORDER BY track_id)) AS prefix
FROM reco.track WHERE track_id BETWEEN 'demo:1:t00001' AND 'demo:1:t00300' \gset
SELECT reco_demo_catalogue(300)->'replaced' AS replaced;
SELECT md5(string_agg(concat(title, artist, energy), '' ORDER BY track_id)) = :'prefix' AS prefix
FROM reco.track WHERE source = 'demo';
SELECT reco_demo_catalogue(tracks => 5000, seed => -7) - 'listens' - 'feedback' - 'artists'
	   - 'listeners' - 'try' AS other_seed;
SELECT pg_temp.fingerprint() = :'first' AS same,
	   count(*) FILTER (WHERE track_id LIKE 'demo:-7:t%') AS marked
FROM reco.track WHERE source = 'demo';
-- the fingerprint of a seed is the same on every machine
SELECT md5(string_agg(concat_ws('|', track_id, title, artist, album, isrc,
								release_date - date '2000-01-01', genres, tags, popularity,
								energy, valence, loudness, tempo, key),
					  E'\n' ORDER BY track_id)) AS seed_minus_7
FROM reco.track WHERE source = 'demo';

-- the smallest one
SELECT reco_demo_catalogue(1) - 'listens' - 'feedback' - 'listeners' - 'try' AS smallest;

-- nobody else's rows were touched
SELECT track_id, title FROM reco.track WHERE source <> 'demo';
SELECT user_id, track_id FROM reco.listen WHERE track_id = 'x2' OR user_id = 'somebody'
ORDER BY user_id COLLATE "C";
SELECT user_id, track_id, event FROM reco.feedback WHERE track_id = 'x2' OR user_id = 'somebody'
ORDER BY user_id COLLATE "C";

-- an id that somebody else took is left to them
UPDATE reco.track SET source = 'manual', title = 'Mine' WHERE track_id = 'demo:1:t00001';
SELECT reco_demo_catalogue(10)->'tracks' AS tracks;
SELECT title FROM reco.track WHERE track_id = 'demo:1:t00001';

-- errors
\set SHOW_CONTEXT never
DO $$
DECLARE
	call text;
	message text;
	hint text;
BEGIN
	FOREACH call IN ARRAY ARRAY['0', '-1', '2000001', 'NULL', '10, NULL'] LOOP
		BEGIN
			EXECUTE format('SELECT reco_demo_catalogue(%s)', call);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
			RAISE WARNING '% % %, hint: %', call, SQLSTATE, message, hint;
		END;
	END LOOP;
END $$;
BEGIN READ ONLY;
SELECT reco_demo_catalogue(10);
ROLLBACK;

-- a cancelled call leaves everything as it was
SET statement_timeout = 200;
SELECT reco_demo_catalogue(2000000);
RESET statement_timeout;
SELECT count(*) FROM reco.track;

-- for its owner, and whom the owner lets
CREATE ROLE reco_regress_demo;
SET ROLE reco_regress_demo;
SELECT reco_demo_catalogue(10);
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco_demo_catalogue(int, int) TO reco_regress_demo;
SET ROLE reco_regress_demo;
SELECT reco_demo_catalogue(10)->'replaced' AS replaced;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION reco_demo_catalogue(int, int) FROM reco_regress_demo;
DROP ROLE reco_regress_demo;

-- leave nothing behind
DELETE FROM reco.track WHERE source = 'demo' OR track_id IN ('x2', 'demo:1:t00001');
DELETE FROM reco.artist WHERE source = 'demo' OR artist_id = 'x1';
DELETE FROM reco.listen WHERE track_id LIKE 'demo:%' OR track_id = 'x2';
DELETE FROM reco.feedback WHERE track_id LIKE 'demo:%' OR track_id = 'x2';
