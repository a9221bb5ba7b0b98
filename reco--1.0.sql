-- reco 1.0: types, tables, functions, views, grants, in this order.

-- complain if the script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION reco CASCADE" to load this file. \quit

DO $check$
BEGIN
	IF '@extschema@' OPERATOR(pg_catalog.=) 'reco' THEN
		RAISE EXCEPTION 'extension "reco" cannot be installed in schema "reco"'
			USING ERRCODE = 'invalid_schema_name',
				  DETAIL = 'Schema "reco" is reserved for the extension''s private tables.',
				  HINT = 'Use CREATE EXTENSION reco CASCADE, or SCHEMA with any other schema.';
	END IF;
	IF pg_catalog.to_regnamespace('reco') IS NOT NULL THEN
		RAISE EXCEPTION 'schema "reco" already exists'
			USING ERRCODE = 'duplicate_schema',
				  DETAIL = 'The extension keeps its private tables in a schema of this name.',
				  HINT = 'Rename or drop the existing schema, then run CREATE EXTENSION again.';
	END IF;
END
$check$;

CREATE SCHEMA reco;
COMMENT ON SCHEMA reco IS 'Holds the private tables of extension reco: catalogue, listeners, lexicon.';
REVOKE ALL ON SCHEMA reco FROM PUBLIC;

/* -------------------------------------------------------------------------
 * Internal functions that tables need
 * ------------------------------------------------------------------------- */

CREATE FUNCTION reco.new_id() RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_new_id' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION reco.new_id() IS 'Makes a 64-bit, time-ordered id without a sequence: 41 bits of milliseconds, 8 of reco.node_id, 14 random.';
REVOKE ALL ON FUNCTION reco.new_id() FROM PUBLIC;

CREATE FUNCTION reco.fold(value text) RETURNS text
AS 'MODULE_PATHNAME', 'reco_fold' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.fold(text) IS 'Folds a text for matching: no accents, lower case, punctuation and zero-width characters removed, single spaces.';
REVOKE ALL ON FUNCTION reco.fold(text) FROM PUBLIC;

/* -------------------------------------------------------------------------
 * Tables: the catalogue
 * ------------------------------------------------------------------------- */

CREATE TABLE reco.artist (
	artist_id text COLLATE "C" NOT NULL,
	name text NOT NULL,
	genres text[],
	popularity smallint CHECK (popularity BETWEEN 0 AND 100),
	source text NOT NULL DEFAULT 'manual',
	fetched_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at timestamptz,
	name_fold text NOT NULL,
	PRIMARY KEY (artist_id)
);
CREATE INDEX artist_name_fold_idx ON reco.artist USING hash (name_fold);
CREATE INDEX artist_name_trgm_idx ON reco.artist USING gin (name_fold gin_trgm_ops);
COMMENT ON TABLE reco.artist IS 'Holds one row per artist that the catalogue knows, whatever source told it.';
COMMENT ON COLUMN reco.artist.artist_id IS 'Is the id as its source gives it; name:… where the source has none.';
COMMENT ON COLUMN reco.artist.genres IS 'Lists the genres of the artist; NULL = not known.';
COMMENT ON COLUMN reco.artist.popularity IS 'Is 0..100 as the source gives it; NULL = not known.';
COMMENT ON COLUMN reco.artist.source IS 'Names who told this: a table, a service, or demo.';
COMMENT ON COLUMN reco.artist.expires_at IS 'Says when the row should be asked for again; NULL = never.';
COMMENT ON COLUMN reco.artist.name_fold IS 'Is derived by a trigger: the name folded for matching.';

CREATE TABLE reco.track (
	track_id text COLLATE "C" NOT NULL,
	artist_id text COLLATE "C" NOT NULL,
	title text NOT NULL,
	artist text NOT NULL,
	artist_ids text[] COLLATE "C",
	album text,
	album_id text COLLATE "C",
	isrc text COLLATE "C",
	release_date date,
	release_precision text CHECK (release_precision IN ('year', 'month', 'day')),
	duration_ms integer CHECK (duration_ms > 0),
	explicit boolean,
	genres text[] NOT NULL DEFAULT '{}',
	tags text[] NOT NULL DEFAULT '{}',
	popularity smallint CHECK (popularity BETWEEN 0 AND 100),
	features text NOT NULL DEFAULT 'unknown' CHECK (features IN ('measured', 'absent', 'unknown')),
	acousticness real CHECK (acousticness BETWEEN 0 AND 1),
	danceability real CHECK (danceability BETWEEN 0 AND 1),
	energy real CHECK (energy BETWEEN 0 AND 1),
	instrumentalness real CHECK (instrumentalness BETWEEN 0 AND 1),
	liveness real CHECK (liveness BETWEEN 0 AND 1),
	speechiness real CHECK (speechiness BETWEEN 0 AND 1),
	valence real CHECK (valence BETWEEN 0 AND 1),
	loudness real CHECK (loudness BETWEEN -60 AND 5),
	tempo real CHECK (tempo > 0 AND tempo <= 250),
	key smallint CHECK (key BETWEEN 0 AND 11),
	mode smallint CHECK (mode BETWEEN 0 AND 1),
	time_signature smallint CHECK (time_signature BETWEEN 1 AND 16),
	source text NOT NULL DEFAULT 'manual',
	fetched_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at timestamptz,
	title_fold text NOT NULL,
	dup_key bigint NOT NULL,
	facets integer NOT NULL,
	search tsvector NOT NULL,
	PRIMARY KEY (track_id),
	CHECK (features OPERATOR(pg_catalog.=) 'measured' OR
		   pg_catalog.num_nonnulls(acousticness, danceability, energy, instrumentalness, liveness,
								   speechiness, valence, loudness, tempo, key, mode)
		   OPERATOR(pg_catalog.=) 0)
);
CREATE UNIQUE INDEX track_artist_idx ON reco.track (artist_id, track_id);
CREATE INDEX track_title_fold_idx ON reco.track USING hash (title_fold);
CREATE INDEX track_title_trgm_idx ON reco.track USING gin (title_fold gin_trgm_ops);
CREATE INDEX track_search_idx ON reco.track USING gin (search);
COMMENT ON TABLE reco.track IS 'Holds one row per track that the catalogue knows, whatever source told it.';
COMMENT ON COLUMN reco.track.track_id IS 'Is the id as its source gives it; name:… where the source has none.';
COMMENT ON COLUMN reco.track.artist_id IS 'Is the first artist''s id in reco.artist.';
COMMENT ON COLUMN reco.track.artist IS 'Is what to show: all artists, joined with a comma.';
COMMENT ON COLUMN reco.track.artist_ids IS 'Lists the ids of all artists, the first one first; NULL = only artist_id.';
COMMENT ON COLUMN reco.track.release_precision IS 'Says how much of release_date is known: year, month or day.';
COMMENT ON COLUMN reco.track.genres IS 'Lists genre names, folded by nobody: as the source gives them, in lower case.';
COMMENT ON COLUMN reco.track.tags IS 'Lists other words that belong to the track, playlist names among them; the lexicon learns from them.';
COMMENT ON COLUMN reco.track.popularity IS 'Is 0..100 as the source gives it; NULL = not known.';
COMMENT ON COLUMN reco.track.features IS 'Says what the audio features are: measured, absent (the source does not know the track) or unknown (not asked yet). Only a measured track has values, and even there single ones can be NULL.';
COMMENT ON COLUMN reco.track.acousticness IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.danceability IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.energy IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.instrumentalness IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.liveness IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.speechiness IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.valence IS 'Is 0..1.';
COMMENT ON COLUMN reco.track.loudness IS 'Is in dB, -60..5.';
COMMENT ON COLUMN reco.track.tempo IS 'Is in beats per minute; NULL = not measured (some services say 0).';
COMMENT ON COLUMN reco.track.key IS 'Is the pitch class, 0 = C … 11 = B; NULL = not measured (some services say -1).';
COMMENT ON COLUMN reco.track.mode IS 'Is 1 = major, 0 = minor.';
COMMENT ON COLUMN reco.track.source IS 'Names who told this: a table, a service, or demo.';
COMMENT ON COLUMN reco.track.expires_at IS 'Says when the row should be asked for again; NULL = never.';
COMMENT ON COLUMN reco.track.title_fold IS 'Is derived by a trigger: the title folded for matching.';
COMMENT ON COLUMN reco.track.dup_key IS 'Is derived by a trigger: equal for the same title by the same artist, versions and remasters cut.';
COMMENT ON COLUMN reco.track.facets IS 'Is derived by a trigger: themes and regions as bits.';
COMMENT ON COLUMN reco.track.search IS 'Is derived by a trigger: artist (A), title (B), genres (C), tags (D) for full-text search.';

CREATE TABLE reco.change (
	what text NOT NULL CHECK (what IN ('catalogue', 'lexicon')),
	change_id bigint NOT NULL DEFAULT reco.new_id(),
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (what, change_id)
);
COMMENT ON TABLE reco.change IS 'Holds one row per recent change of catalogue or lexicon: in-memory copies are fresh while the rows that a backend sees stay the same.';

/* -------------------------------------------------------------------------
 * Tables: listeners. Keys begin with user_id
 * ------------------------------------------------------------------------- */

CREATE TABLE reco.listen (
	user_id text COLLATE "C" NOT NULL CHECK (user_id OPERATOR(pg_catalog.<>) ''),
	listen_id bigint NOT NULL DEFAULT reco.new_id(),
	track_id text COLLATE "C" NOT NULL,
	at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (user_id, listen_id)
);
CREATE INDEX listen_at_idx ON reco.listen (user_id, at DESC) INCLUDE (track_id);
COMMENT ON TABLE reco.listen IS 'Holds one row per track that a listener played.';
COMMENT ON COLUMN reco.listen.user_id IS 'Is the application''s own id of the listener.';
COMMENT ON COLUMN reco.listen.at IS 'Says when the track was played.';

CREATE TABLE reco.feedback (
	user_id text COLLATE "C" NOT NULL CHECK (user_id OPERATOR(pg_catalog.<>) ''),
	feedback_id bigint NOT NULL DEFAULT reco.new_id(),
	track_id text COLLATE "C" NOT NULL,
	event text NOT NULL CHECK (event IN ('like', 'dislike', 'skip', 'save', 'clear')),
	at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (user_id, feedback_id)
);
CREATE INDEX feedback_track_idx ON reco.feedback (user_id, track_id, feedback_id DESC) INCLUDE (event);
COMMENT ON TABLE reco.feedback IS 'Holds one row per judgement of a listener; the newest one of a track counts.';
COMMENT ON COLUMN reco.feedback.event IS 'Is like, save, skip, dislike, or clear (takes earlier ones back).';
