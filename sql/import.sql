-- reco_catalogue_import: the known formats, every quirk, and what is refused.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco CASCADE;

-- All names are made up. What differs from run to run stays out of the result.
CREATE FUNCTION pg_temp.import(source regclass) RETURNS jsonb LANGUAGE sql AS $$
	SELECT reco_catalogue_import(source) - 'milliseconds' $$;
CREATE FUNCTION pg_temp.counts(source regclass) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s rows, %s rejected; tracks %s/%s/%s, artists %s/%s/%s', r -> 'rows',
				  r #> '{rejected,rows}', r #> '{tracks,new}', r #> '{tracks,updated}',
				  r #> '{tracks,unchanged}', r #> '{artists,new}', r #> '{artists,updated}',
				  r #> '{artists,unchanged}')
	FROM reco_catalogue_import(source) AS r $$;
CREATE FUNCTION pg_temp.notes(source regclass) RETURNS TABLE (line text) LANGUAGE sql AS $$
	SELECT concat_ws(' | ', n ->> 'column', n ->> 'problem', n ->> 'values', n ->> 'examples')
	FROM reco_catalogue_import(source) AS r, jsonb_array_elements(r -> 'notes') AS n $$;

--
-- One row per track and playlist, all columns text, as \copy fills them
--
CREATE TEMP TABLE imp_songs (
	track_id text, track_name text, track_artist text, track_popularity text, track_album_id text,
	track_album_name text, track_album_release_date text, playlist_name text, playlist_id text,
	playlist_genre text, playlist_subgenre text, danceability text, energy text, key text,
	loudness text, mode text, speechiness text, acousticness text, instrumentalness text,
	liveness text, valence text, tempo text, duration_ms text);
INSERT INTO imp_songs VALUES
('imp1', 'Lantern Walk', 'Zorvane', '66', 'alb1', 'Lanterns', '2019-06-14', 'Pop & Co, 2019', 'p1', 'Pop', 'dance pop', '0.748', '0.916', '6', '-2.634', '1', '0.0583', '0.102', '0', '0.0653', '0.518', '122.036', '194754'),
('imp1', 'Lantern Walk', 'Zorvane', '66', 'alb1', 'Lanterns', '2019-06-14', 'Évening 🌙', 'p2', 'r&b', 'dance pop', '0.748', '0.916', '6', '-2.634', '1', '0.0583', '0.102', '0', '0.0653', '0.518', '122.036', '194754'),
('imp2', 'Tide  Table', 'Zorväne', '0', 'alb2', '', '1985-03', ' Évening 🌙 ', 'p2', 'rock', 'album rock', '0.3', '0.4', '-1', '1.3', '0', '0.1', '0.2', '1.23e-05', '0.1', '0.9', '0', '1000'),
('imp3', 'Unmeasured', 'Quillby', '12', 'alb3', 'Zero', '1971', 'Old', 'p3', 'rock', 'album rock', '0', '0.315', '1', '-26.087', '1', '0', '0', '0', '0', '0', '0', '4000'),
('imp4', '', '', '0', 'alb4', '', '2012-01-05', 'Old', 'p3', 'rap', 'trap', '0.7', '0.8', '6', '-7', '1', '0.1', '0.1', '0', '0.1', '0.6', '95', '282707');
SELECT jsonb_pretty(pg_temp.import('imp_songs'));
SELECT track_id, artist_id, title, artist, artist_ids, album, release_date, release_precision AS prec,
	   genres, tags, popularity AS pop, features, source
FROM reco.track WHERE track_id LIKE 'imp_' ORDER BY track_id;
SELECT track_id, danceability, loudness, tempo, key, mode, instrumentalness, duration_ms
FROM reco.track WHERE track_id LIKE 'imp_' ORDER BY track_id;
SELECT artist_id, name, genres, popularity FROM reco.artist
WHERE artist_id IN ('name:zorvane', 'name:quillby') ORDER BY 1;

-- a second import changes nothing, and writes no row
CREATE TEMP TABLE imp_before AS SELECT track_id, ctid AS tid, xmin AS x FROM reco.track WHERE track_id LIKE 'imp_';
SELECT pg_temp.counts('imp_songs');
SELECT count(*) AS untouched FROM reco.track AS t JOIN imp_before AS b USING (track_id)
WHERE t.ctid = b.tid AND t.xmin = b.x;

-- newer values replace, NULLs erase nothing, labels are united
CREATE TEMP TABLE imp_newer (id text, name text, artists text, popularity int, album text, genre text, tags text[], year int);
INSERT INTO imp_newer VALUES
('imp1', 'Lantern Walk (Live)', 'Zorvane', NULL, NULL, 'synth-pop, Pop', '{b-side,"Évening 🌙"}', 2019),
('imp2', 'Tide  Table', 'Zorväne', 7, NULL, NULL, NULL, 1986);
SELECT pg_temp.counts('imp_newer'), pg_temp.counts('imp_newer');
SELECT title, popularity, album, release_date, release_precision, genres, tags, energy, features
FROM reco.track WHERE track_id IN ('imp1', 'imp2') ORDER BY track_id;

--
-- The 114k file: an unnamed index, artists joined with ";", True and False
--
CREATE TABLE imp_tracks (
	"Unnamed: 0" int, track_id text, artists text, album_name text, track_name text,
	popularity smallint, duration_ms int, explicit text, danceability real, energy real, key int,
	loudness real, mode int, speechiness real, acousticness real, instrumentalness real,
	liveness real, valence real, tempo real, time_signature int, track_genre text);
INSERT INTO imp_tracks VALUES
(0, 'impa', 'Mirel Osk;Tann & Tanner;Mirel Osk', 'Duo', 'Two Rivers', 55, 200000, 'False', .5, .6, 3, -7, 1, .04, .3, 0, .1, .4, 99.9, 4, 'acoustic'),
(1, 'impa', 'Mirel Osk;Tann & Tanner;Mirel Osk', 'Duo', 'Two Rivers', 55, 200000, 'False', .5, .6, 3, -7, 1, .04, .3, 0, .1, .4, 99.9, 4, 'singer-songwriter'),
(2, 'impb', 'Tann & Tanner', NULL, 'Alone', 101, 0, 'True', .5, 1.5, 12, -61, 2, -.1, NULL, 'NaN', .1, .4, 251, 0, 'acoustic');
SELECT r - '{columns,source,notes}'::text[] FROM pg_temp.import('imp_tracks') AS r;
SELECT pg_temp.notes('imp_tracks');
SELECT track_id, artist_id, artist, artist_ids, explicit, duration_ms, genres, popularity, energy,
	   key, mode, loudness, tempo, time_signature, instrumentalness
FROM reco.track WHERE track_id IN ('impa', 'impb') ORDER BY 1;

--
-- A Spotify export: lists as Python writes them, ids of artists, ISRC
--
CREATE TEMP TABLE imp_export (
	"ID" text, "Name" text, "Artists" text, id_artists text, "Release Date" text, year int,
	isrc text, tags text, genres text[], explicit int, "Artist Genres" text, artist_popularity text,
	"Duration (ms)" bigint, "Added At" timestamptz);
INSERT INTO imp_export VALUES
('spotify:track:impx1', 'Glass', $$['Ona Merr', "D'Arvel", 'Caf\xe9 \u2603']$$, $$['oid1', 'oid2', 'oid3']$$, '2020', 2020, 'us-abc-20-12345', 'night; drive,night', '{Ambient,"Drum, Bass"}', 1, 'ignored here', '99', 1, now()),
('https://open.spotify.com/track/impx2?si=1', 'Stone', 'Ona Merr', 'spotify:artist:oid1', '2020-13-01', 2021, 'nonsense', '["x", null]', NULL, 0, 'dream pop;Ambient', '40', 2, now()),
('impx3', 'Brackets', '[ona merr]', '[]', '0000', 0, NULL, '{a,"b c",NULL}', '{}', NULL, NULL, NULL, NULL, now()),
('impx4', 'Commas', 'Ona Merr, D''Arvel', 'oid1,oid2', '1999-02-29', NULL, '', '', NULL, 7, NULL, NULL, 3, now()),
('impx5', 'Mismatch', 'Ona Merr;Nobody Else', 'oid1', '2001-05-00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3, now()),
('impx6', 'No Artist', '[]', 'oid1', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3, now());
SELECT r -> 'columns' AS columns, r -> 'ignored' AS ignored, r -> 'rejected' AS rejected
FROM pg_temp.import('imp_export') AS r;
SELECT pg_temp.notes('imp_export');
SELECT track_id, artist_id, artist, artist_ids, release_date, release_precision AS prec, isrc, tags,
	   genres, explicit, duration_ms, features
FROM reco.track WHERE track_id LIKE 'impx_' ORDER BY 1;
SELECT artist_id, name, genres, popularity FROM reco.artist
WHERE artist_id IN ('oid1', 'oid2', 'oid3', 'name:nobody else', 'name:ona merr') ORDER BY 1;
SELECT pg_temp.counts('imp_export');

-- artists known by a real id are not replaced by ones that are only named
CREATE TEMP TABLE imp_named AS SELECT 'impx2'::text AS track_id, 'Stone'::text AS title, 'ONA MERR'::text AS artist;
SELECT pg_temp.counts('imp_named');
SELECT artist_id, artist FROM reco.track WHERE track_id = 'impx2';

--
-- jsonb and arrays, objects with names, typed dates, other types of column
--
CREATE DOMAIN pg_temp.imp_text AS text;
CREATE TEMP TABLE imp_json (track_id varchar(20), title pg_temp.imp_text, artists jsonb, genres json,
	tags jsonb, release_date date, explicit boolean, energy numeric, tempo double precision,
	key text, mode text, time_signature text, popularity text);
INSERT INTO imp_json VALUES
('impj1', 'Json', '[{"id": "j1", "name": "Perro Lune"}, {"id": "j2", "name": "Fawn"}]', '["Deep House", "EDM"]', '"single"', '2003-04-05', true, 0.123456789, 123.456789012, 'C#', 'Minor', '3/4', '45.0'),
('impj4', 'Json 4', '["Fawn"]', '"Solo"', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
('impj2', 'Json 2', '["Fawn"]', '{"not": "a list"}', '[1, 2]', NULL, false, 0.5, NULL, 'Bb', 'major', 'x', 'high'),
('impj3', 'Json 3', '"Fawn"', NULL, NULL, NULL, NULL, 1e-60, 1e-60, 'H', NULL, NULL, '1e999');
SET datestyle = 'SQL, DMY';
SET extra_float_digits = 0;
SELECT pg_temp.counts('imp_json');
RESET datestyle;
RESET extra_float_digits;
SELECT pg_temp.counts('imp_json');
SELECT pg_temp.notes('imp_json');
SELECT track_id, artist, genres, tags, release_date, explicit, energy, tempo, key, mode,
	   time_signature, popularity
FROM reco.track WHERE track_id LIKE 'impj_' ORDER BY 1;

--
-- No ids at all: the same song is the same track, whatever the spelling
--
CREATE TEMP TABLE imp_names (title text, artist text, genre text);
INSERT INTO imp_names VALUES
('Été  Blanc', 'Les Imp', 'chanson'), ('ete blanc!', 'LES IMP', 'Pop'), ('!!!', '???', NULL),
(E'Tab\there', repeat('é', 300), NULL), (E' \u00a0\u200b ', 'Blank', NULL), ('No one', ' ', NULL),
(repeat('x', 1001), 'Les Imp', repeat('g', 101));
SELECT r -> 'rejected' AS rejected, r -> 'tracks' AS tracks, r -> 'artists' AS artists,
	   jsonb_path_query_array(r, '$.notes[*].problem') AS notes
FROM pg_temp.import('imp_names') AS r;
SELECT left(track_id, 5), length(track_id), left(artist_id, 12), length(artist_id), left(title, 12),
	   length(title), genres
FROM reco.track WHERE source = 'table:imp_names' ORDER BY title COLLATE "C";
SELECT pg_temp.counts('imp_names');

--
-- Ids that cannot be, and more labels than a track may have
--
CREATE TEMP TABLE imp_ids (track_id text, title text, artist text, album_id text, artist_id text, playlist_name text, genre text);
INSERT INTO imp_ids VALUES (NULL, 'a', 'b', NULL, NULL), ('  ', 'a', 'b', NULL, NULL),
(repeat('i', 256), 'a', 'b', NULL, NULL), (repeat('i', 255), 'a', 'Idle', repeat('l', 256), repeat('l', 256));
INSERT INTO imp_ids SELECT 'impmany', 'Many', 'Idle', NULL, NULL, 'list ' || n, 'genre ' || n FROM generate_series(1, 600) AS n;
SELECT pg_temp.counts('imp_ids');
SELECT r -> 'rejected' #> '{reasons}' #> '{0,rows}' AS blank, r -> 'rejected' #> '{reasons,1,reason}' AS long,
	   r -> 'over_limit' AS over_limit, r -> 'tracks' AS tracks
FROM pg_temp.import('imp_ids') AS r;
SELECT cardinality(genres), cardinality(tags) FROM reco.track WHERE track_id = 'impmany';

--
-- Where it may be called
--
-- from a view, a materialized view, a partitioned table; empty sources
CREATE VIEW imp_view AS SELECT track_id AS "Track ID", track_name, artists FROM imp_tracks;
CREATE MATERIALIZED VIEW imp_mat AS SELECT * FROM imp_view;
CREATE TABLE imp_parts (track_id text, title text, artist text) PARTITION BY HASH (track_id);
SELECT pg_temp.counts('imp_view'), pg_temp.counts('imp_mat'), pg_temp.counts('imp_parts');

-- twice in a transaction, in a DO block, under any search_path, rolled back
BEGIN;
SET LOCAL search_path = '';
DO $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		PERFORM public.reco_catalogue_import('public.imp_view');
	END LOOP;
END $$;
INSERT INTO public.imp_tracks (track_id, track_name, artists) VALUES ('impr', 'Rolled Back', 'Fawn');
SELECT public.reco_catalogue_import('public.imp_view') -> 'tracks' AS tracks;
ROLLBACK;
SELECT count(*) FROM reco.track WHERE track_id = 'impr';
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT pg_temp.counts('imp_view');
COMMIT;

-- a row that appears twice with other values: the greatest counts, in any order
CREATE TEMP TABLE imp_order AS SELECT 'impo'::text AS track_id, 'Order' || n AS title, 'Fawn'::text AS artist, n AS popularity FROM generate_series(1, 3) AS n;
SELECT pg_temp.counts('imp_order');
CREATE TEMP TABLE imp_order2 AS SELECT * FROM imp_order ORDER BY popularity DESC;
SELECT pg_temp.counts('imp_order2');
SELECT title, popularity FROM reco.track WHERE track_id = 'impo';

--
-- What is refused
--
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.refused(source text) RETURNS TABLE (state text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco_catalogue_import(source::regclass);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT;
END $$;
CREATE SEQUENCE imp_seq;
CREATE TYPE imp_type AS (track_id text, title text, artist text);
CREATE INDEX imp_index ON imp_tracks (track_id);
CREATE TEMP TABLE imp_no_title (track_id text, artist text, "Strange Column" int);
CREATE TEMP TABLE imp_no_artist (track_id text, title text);
CREATE TEMP TABLE imp_nothing ();
\x on
SELECT * FROM pg_temp.refused('imp_seq');
SELECT * FROM pg_temp.refused('imp_type');
SELECT * FROM pg_temp.refused('imp_index');
SELECT * FROM pg_temp.refused('imp_no_title');
SELECT * FROM pg_temp.refused('imp_no_artist');
SELECT * FROM pg_temp.refused('imp_nothing');
SELECT reco_catalogue_import(1::oid);
SELECT * FROM pg_temp.refused('reco.track');
BEGIN READ ONLY;
SELECT * FROM pg_temp.refused('imp_tracks');
ROLLBACK;
\x off
SELECT reco_catalogue_import(NULL);

-- an error of the source is the caller's, and leaves nothing behind
CREATE TEMP VIEW imp_error AS SELECT 'impe' || n AS track_id, 'Boom' AS title, 'Fawn' AS artist, 1 / (3 - n) AS popularity FROM generate_series(1, 5) AS n;
SELECT reco_catalogue_import('imp_error');
SELECT count(*) FROM reco.track WHERE track_id LIKE 'impe%';

--
-- Rights: EXECUTE is granted, the source is read as the caller
--
CREATE ROLE regress_reco_import;
CREATE TABLE imp_secret (track_id text, title text, artist text, album text);
INSERT INTO imp_secret VALUES ('imps', 'Secret', 'Fawn', 'Hidden');
SET ROLE regress_reco_import;
SELECT reco_catalogue_import('imp_secret');
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco_catalogue_import(regclass) TO regress_reco_import;
SET ROLE regress_reco_import;
SELECT reco_catalogue_import('imp_secret');
RESET ROLE;
GRANT SELECT (track_id, title, artist) ON imp_secret TO regress_reco_import;
SET ROLE regress_reco_import;
SELECT reco_catalogue_import('imp_secret');
RESET ROLE;
GRANT SELECT ON imp_secret TO regress_reco_import;
ALTER TABLE imp_secret ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reco_import;
SELECT reco_catalogue_import('imp_secret') -> 'rows' AS rows;
CREATE TEMP VIEW imp_who AS SELECT 'impw'::text AS track_id, current_user::text AS title, 'Fawn'::text AS artist;
SELECT reco_catalogue_import('imp_who') -> 'tracks' AS tracks;
SELECT current_user;
RESET ROLE;
SELECT title, source FROM reco.track WHERE track_id = 'impw';

-- an import's own words cannot be taken by the caller's tables
CREATE TEMP TABLE imported (track_id text, title text, artist text);
INSERT INTO imported VALUES ('impi', 'Imported', 'Fawn');
CREATE TEMP TABLE merged AS TABLE imported;
CREATE TEMP TABLE grouped AS TABLE imported;
CREATE TEMP TABLE artists AS TABLE imported;
SELECT pg_temp.counts('imported'), pg_temp.counts('merged');

DELETE FROM reco.track WHERE source LIKE 'table:%';
DELETE FROM reco.artist WHERE source LIKE 'table:%';
DROP VIEW imp_who;
DROP OWNED BY regress_reco_import;
DROP ROLE regress_reco_import;
DROP MATERIALIZED VIEW imp_mat;
DROP VIEW imp_view;
DROP TABLE imp_tracks, imp_parts, imp_secret;
DROP SEQUENCE imp_seq;
DROP TYPE imp_type;
