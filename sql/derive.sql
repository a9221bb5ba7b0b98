-- Derived columns, whoever writes; and how changes of the catalogue reach the next call.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;
\set VERBOSITY terse
\pset format unaligned
\pset fieldsep ' | '

-- folding
SELECT value, reco.fold(value) FROM unnest(ARRAY['Café  del Mar', 'ÀÉÎÕÜ ß Æ Ø Ł', 'AC/DC', 'don''t', 'don’t', 'R&B', 'a' || chr(8203) || 'b', '  x  ', '', '!!!', '½', 'Ω', 'ΣΊΣΥΦΟΣ', 'Привет', '雨の日', 'P!nk', 'Ke$ha', E'a\tb\nc', 'İstanbul']) AS value;
SELECT count(*) AS not_stable FROM unnest(ARRAY['Café  del Mar', 'ß', 'AC/DC', 'don''t', 'R&B', 'Привет', '雨の日', 'P!nk']) AS value WHERE reco.fold(reco.fold(value)) <> reco.fold(value);

-- whatever is written into them, derived columns are derived
INSERT INTO reco.artist (artist_id, name, name_fold) VALUES ('a', 'Sigur Rós', 'nonsense');
INSERT INTO reco.artist (artist_id, name) VALUES ('b', 'Other'), ('c', 'A Third');
SELECT artist_id, name_fold FROM reco.artist ORDER BY 1;
UPDATE reco.artist SET name = 'Ágætis' WHERE artist_id = 'a' RETURNING name_fold;
INSERT INTO reco.track (track_id, artist_id, title, artist, album, genres, tags, title_fold, dup_key, facets, search)
VALUES ('t', 'a', 'Hoppípolla!', 'Ágætis', 'Takk...', '{Post-Rock,christmas}', '{"rainy day"}', 'nonsense', 1, 0, 'nonsense');
SELECT title_fold, dup_key <> 1 AS dup_key, facets, search FROM reco.track;
UPDATE reco.track SET title = 'Sæglópur', genres = '{}', facets = 7 RETURNING title_fold, facets, search;
\copy reco.track (track_id, artist_id, title, artist) from stdin with (format csv)
t2,b,Ænima,Other
\.
SELECT title_fold FROM reco.track WHERE track_id = 't2';

-- versions of one recording have one key; others have their own
CREATE FUNCTION pg_temp.key(title text, artist text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	key bigint;
BEGIN
	INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES ('key', 'b', title, artist) RETURNING dup_key INTO key;
	DELETE FROM reco.track WHERE track_id = 'key';
	RETURN key;
END $$;
SELECT title, artist, pg_temp.key(title, artist) = pg_temp.key('Café Lights', 'Öwl') AS same FROM (VALUES ('Café Lights', 'Öwl'), ('CAFE LIGHTS', 'owl'), ('Cafe Lights (feat. Wren)', 'Öwl'), ('Cafe Lights feat. Wren', 'Öwl'),
	('Cafe Lights [Radio Edit]', 'Öwl'), ('Cafe Lights (Remastered 2011)', 'Öwl'), ('Cafe Lights - Remastered', 'Öwl'), ('Cafe Lights - 2011 Remaster', 'Öwl'), ('Cafe Lights - Radio Edit', 'Öwl'), ('Cafe Lights (Remastered) [feat. Wren]', 'Öwl'),
	('Café, Lights!', 'Öwl'), ('Cafe Lights (Somebody''s Remix)', 'Öwl'), ('Cafe Lights (Part 2)', 'Öwl'), ('Cafe Lights II', 'Öwl'), ('Cafe Lights', 'Wren'), ('Cafe', 'Öwl'), ('(feat. Wren)', 'Öwl')) AS v (title, artist);

-- facets are of whole words
CREATE FUNCTION pg_temp.facets(title text, album text, genres text[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	bits integer;
BEGIN
	INSERT INTO reco.track (track_id, artist_id, title, artist, album, genres) VALUES ('facets', 'b', title, 'Other', album, genres) RETURNING facets INTO bits;
	DELETE FROM reco.track WHERE track_id = 'facets';
	RETURN bits;
END $$;
SELECT title, album, genres, pg_temp.facets(title, album, genres) > 0 AS themed FROM (VALUES ('Last Christmas', NULL, '{}'::text[]), ('Lost', NULL, '{most}'), ('Song', NULL, '{OST}'), ('Song', 'Xmas Hits', '{}'), ('Song', 'A Film (Original Soundtrack)', '{pop}'),
	('Song', NULL, '{Children''s Music}'), ('Song', NULL, '{k-pop}'), ('Song', NULL, '{pop}'), ('Holiday', NULL, '{}')) AS v (title, album, genres);

-- constraints speak for themselves
INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES ('x', 'b', NULL, 'Other');
INSERT INTO reco.artist (artist_id, name) VALUES ('x', NULL);
INSERT INTO reco.track (track_id, artist_id, title, artist, energy) VALUES ('x', 'b', 'X', 'Other', .5);
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES ('x', 'b', 'X', 'Other', 'measured', 1.5);
INSERT INTO reco.track (track_id, artist_id, title, artist, features, tempo) VALUES ('x', 'b', 'X', 'Other', 'measured', 0);
INSERT INTO reco.track (track_id, artist_id, title, artist, features) VALUES ('x', 'b', 'X', 'Other', 'maybe');
-- elements that are NULL, empty, or an array that has dimensions
INSERT INTO reco.track (track_id, artist_id, title, artist, genres, tags) VALUES ('n', 'b', '', '', '{NULL,"",x}', '{{a,b},{c,d}}') RETURNING search;
DELETE FROM reco.track;

--
-- Changes reach the next call
--
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES ('t1', 'a', 'One', 'Ágætis', 'measured', .1), ('t2', 'b', 'Two', 'Other', 'measured', .1);
CREATE FUNCTION pg_temp.list() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(title, ', ' ORDER BY title COLLATE "C") FROM reco_generate('', 'calm', 50) $$;
SELECT pg_temp.list() AS two;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES ('t3', 'c', 'Three', 'A Third', 'measured', .1);
SELECT pg_temp.list() AS inserted;
UPDATE reco.track SET title = 'Drei' WHERE track_id = 't3';
SELECT pg_temp.list() AS updated;
DELETE FROM reco.track WHERE track_id = 't1';
SELECT pg_temp.list() AS deleted;
BEGIN;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES ('t4', 'a', 'Four', 'Ágætis', 'measured', .1);
SELECT pg_temp.list() AS uncommitted;
SAVEPOINT s;
DELETE FROM reco.track WHERE track_id <> 't4';
SELECT pg_temp.list() AS in_the_savepoint;
ROLLBACK TO s;
SELECT pg_temp.list() AS savepoint_rolled_back;
ROLLBACK;
SELECT pg_temp.list() AS rolled_back;
BEGIN;
TRUNCATE reco.track;
SELECT pg_temp.list() AS truncated;
ROLLBACK;
SELECT pg_temp.list() AS rolled_back;
-- the first look of a transaction holds where its isolation says so
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.list() AS repeatable;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES ('t5', 'a', 'Five', 'Ágætis', 'measured', .1);
SELECT pg_temp.list() AS and_its_own;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT pg_temp.list() AS serializable;
COMMIT;
-- names of artists, too
UPDATE reco.artist SET name = 'Renamed Band' WHERE artist_id = 'b';
SELECT reco_mood('like Renamed Band') -> 'artists' AS renamed;
TRUNCATE reco.track;
SELECT pg_temp.list();
DROP EXTENSION reco;
