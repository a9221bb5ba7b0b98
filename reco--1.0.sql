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
COMMENT ON SCHEMA reco IS 'Holds the private tables of extension reco: catalogue, listeners, lexicon, memory of answers.';
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
CREATE INDEX artist_learned_idx ON reco.artist (fetched_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE reco.artist IS 'Holds one row per artist that the catalogue knows, whatever source told it.';
COMMENT ON COLUMN reco.artist.artist_id IS 'Is the id as its source gives it; name:... where the source has none.';
COMMENT ON COLUMN reco.artist.genres IS 'Lists the genres of the artist; NULL = not known.';
COMMENT ON COLUMN reco.artist.popularity IS 'Is 0..100 as the source gives it; NULL = not known.';
COMMENT ON COLUMN reco.artist.source IS 'Names who told this: a table, a service (spotify, reccobeats), demo or manual. Only rows of a service are overwritten and removed by what services tell.';
COMMENT ON COLUMN reco.artist.fetched_at IS 'Says when it was told.';
COMMENT ON COLUMN reco.artist.expires_at IS 'Says when the row should be asked for again; NULL = never. A row of a service that nobody asks for again is removed, see reco.cache_policy.';
COMMENT ON COLUMN reco.artist.name_fold IS 'Is derived by a trigger: the name folded for matching.';

CREATE TABLE reco.track (
	track_id text COLLATE "C" NOT NULL CHECK (track_id OPERATOR(pg_catalog.<>) ''),
	artist_id text COLLATE "C" NOT NULL CHECK (artist_id OPERATOR(pg_catalog.<>) ''),
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
	features_source text,
	features_fetched_at timestamptz,
	features_expires_at timestamptz,
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
CREATE INDEX track_learned_idx ON reco.track (fetched_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE reco.track IS 'Holds one row per track that the catalogue knows, whatever source told it.';
COMMENT ON COLUMN reco.track.track_id IS 'Is the id as its source gives it; name:... where the source has none.';
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
COMMENT ON COLUMN reco.track.key IS 'Is the pitch class, 0 = C ... 11 = B; NULL = not measured (some services say -1).';
COMMENT ON COLUMN reco.track.mode IS 'Is 1 = major, 0 = minor.';
COMMENT ON COLUMN reco.track.source IS 'Names who told this: a table, a service (spotify, reccobeats), demo or manual. Only rows of a service are overwritten and removed by what services tell.';
COMMENT ON COLUMN reco.track.fetched_at IS 'Says when it was told.';
COMMENT ON COLUMN reco.track.expires_at IS 'Says when the row should be asked for again; NULL = never. A row of a service that nobody asks for again is removed, see reco.cache_policy.';
COMMENT ON COLUMN reco.track.features_source IS 'Names the service that told the features, or that it has none; NULL = they came with the row.';
COMMENT ON COLUMN reco.track.features_fetched_at IS 'Says when it told them.';
COMMENT ON COLUMN reco.track.features_expires_at IS 'Says when they should be asked for again.';
COMMENT ON COLUMN reco.track.title_fold IS 'Is derived by a trigger: the title folded for matching.';
COMMENT ON COLUMN reco.track.dup_key IS 'Is derived by a trigger: equal for the same title by the same artist, versions and remasters cut.';
COMMENT ON COLUMN reco.track.facets IS 'Is derived by a trigger: themes and regions as bits.';
COMMENT ON COLUMN reco.track.search IS 'Is derived by a trigger: artist (A), title (B), genres (C), tags (D) for full-text search.';

CREATE TABLE reco.change (
	what text NOT NULL CHECK (what IN ('catalogue', 'lexicon', 'learned')),
	change_id bigint NOT NULL DEFAULT reco.new_id(),
	changed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (what, change_id)
);
COMMENT ON TABLE reco.change IS 'Holds one row per recent change of the catalogue: copies in memory are fresh while the rows that a backend sees stay the same.';
COMMENT ON COLUMN reco.change.what IS 'Names what was changed: catalogue, lexicon; learned: the keeper wrote what services told, which makes no kept list invalid.';

CREATE TABLE reco.learn_state (
	tracks bigint NOT NULL DEFAULT 0,
	artists bigint NOT NULL DEFAULT 0,
	features bigint NOT NULL DEFAULT 0,
	skipped bigint NOT NULL DEFAULT 0,
	lost bigint NOT NULL DEFAULT 0,
	removed bigint NOT NULL DEFAULT 0,
	learned_at timestamptz,
	published_at timestamptz,
	lexicon_at timestamptz
) WITH (fillfactor = 25);
COMMENT ON TABLE reco.learn_state IS 'Holds one row: what the keeper made of what services told; see the view reco_learn_stats.';

INSERT INTO reco.learn_state DEFAULT VALUES;

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
CREATE INDEX feedback_track_idx ON reco.feedback (user_id, track_id, at DESC, feedback_id DESC) INCLUDE (event);
COMMENT ON TABLE reco.feedback IS 'Holds one row per judgement of a listener; the newest one of a track counts.';
COMMENT ON COLUMN reco.feedback.event IS 'Is like, save, skip, dislike, or clear (takes earlier ones back).';

CREATE TABLE reco.listener_token (
	user_id text COLLATE "C" NOT NULL CHECK (user_id OPERATOR(pg_catalog.<>) ''),
	server text COLLATE "C" NOT NULL,
	consent bigint NOT NULL,
	token text NOT NULL,
	connected_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	rotated_at timestamptz,
	PRIMARY KEY (user_id, server)
) WITH (fillfactor = 70);
COMMENT ON TABLE reco.listener_token IS 'Holds secrets: the refresh tokens of connected listeners. Nobody has a right to it, and no dump has it.';
COMMENT ON COLUMN reco.listener_token.server IS 'Names the foreign server whose service gave the token.';
COMMENT ON COLUMN reco.listener_token.consent IS 'Tells one connection of a listener from the next, which has a greater one.';
COMMENT ON COLUMN reco.listener_token.token IS 'Is the newest token: the keeper writes what the service puts in the place of it.';
COMMENT ON COLUMN reco.listener_token.rotated_at IS 'Says when the keeper wrote the token; NULL = it is the one that reco_connect_user was given.';

/* -------------------------------------------------------------------------
 * Tables: the lexicon
 * ------------------------------------------------------------------------- */

CREATE TABLE reco.mood_term (
	term text NOT NULL,
	source text NOT NULL DEFAULT 'manual' CHECK (source IN ('builtin', 'learned', 'manual', 'model')),
	targets jsonb NOT NULL,
	tracks integer NOT NULL DEFAULT 0 CHECK (tracks >= 0),
	labels integer NOT NULL DEFAULT 0 CHECK (labels >= 0),
	genre boolean NOT NULL DEFAULT false,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	stem text COLLATE "C" NOT NULL,
	PRIMARY KEY (stem, source)
);
COMMENT ON TABLE reco.mood_term IS 'Holds what words mean, as ranges of features; edit it freely, rows with source manual are yours.';
COMMENT ON COLUMN reco.mood_term.term IS 'Is one word, or two, as people write them.';
COMMENT ON COLUMN reco.mood_term.source IS 'Says who wrote the row: builtin (came with the extension), learned (reco_learn_moods), manual (you), model (the keeper, from what a language model said of prompts with the word).';
COMMENT ON COLUMN reco.mood_term.targets IS 'Holds a JSON object, feature: {"min", "max", "weight"} or {"mean", "sd", "weight"}, in the feature''s own unit; weight 0..1, default 1.';
COMMENT ON COLUMN reco.mood_term.tracks IS 'Counts the tracks that a learned row rests on, or the answers that one of a model does; 0 = none.';
COMMENT ON COLUMN reco.mood_term.labels IS 'Counts the genres and tags that say a learned row''s word.';
COMMENT ON COLUMN reco.mood_term.genre IS 'Says whether some genre of the catalogue has a learned row''s word.';
COMMENT ON COLUMN reco.mood_term.stem IS 'Is derived by a trigger: the stemmed words, as prompts are.';

/* -------------------------------------------------------------------------
 * Tables: the memory of answers
 * ------------------------------------------------------------------------- */

-- A key can be longer than an index entry, so the index has its hash. What stands
-- behind the unit separator says who answered: the hash without it finds all of them.
CREATE UNLOGGED TABLE reco.cache (
	category text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	digest bigint NOT NULL GENERATED ALWAYS AS (pg_catalog.hashtextextended(pg_catalog.split_part(key, pg_catalog.chr(31), 1), 0)) STORED,
	variant integer NOT NULL GENERATED ALWAYS AS (pg_catalog.hashtext(key)) STORED,
	size integer NOT NULL GENERATED ALWAYS AS (pg_catalog.octet_length(key) OPERATOR(pg_catalog.+) COALESCE(pg_catalog.octet_length(value), 0)) STORED,
	absent boolean NOT NULL DEFAULT false,
	fetched_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	fresh_until timestamptz NOT NULL,
	usable_until timestamptz NOT NULL,
	used_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	hits bigint NOT NULL DEFAULT 0,
	value text,
	PRIMARY KEY (category, digest, variant),
	CHECK (category OPERATOR(pg_catalog.<>) ALL (ARRAY['ids', 'denied'])),
	CHECK (absent OPERATOR(pg_catalog.=) (value IS NULL))
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.5,
		toast.autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX cache_usable_until_idx ON reco.cache (usable_until);
COMMENT ON TABLE reco.cache IS 'Holds what services answered, while it may be used. Unlogged: a crash empties it, a standby has none.';
COMMENT ON COLUMN reco.cache.category IS 'Names what was asked, as in reco.cache_policy.';
COMMENT ON COLUMN reco.cache.key IS 'Is what was asked for, and behind a unit separator (chr(31)) who answered and how.';
COMMENT ON COLUMN reco.cache.digest IS 'Is derived: the hash of the key up to the first unit separator.';
COMMENT ON COLUMN reco.cache.variant IS 'Is derived: the hash of the whole key.';
COMMENT ON COLUMN reco.cache.size IS 'Is derived: bytes of key and value.';
COMMENT ON COLUMN reco.cache.absent IS 'Says that the service knows no such thing; value is NULL then.';
COMMENT ON COLUMN reco.cache.fresh_until IS 'Says until when it is used without asking again.';
COMMENT ON COLUMN reco.cache.usable_until IS 'Says until when it is used while it is asked for again; then it is deleted.';
COMMENT ON COLUMN reco.cache.used_at IS 'Says when it was seen in use last; a sample, so that reading writes nothing.';
COMMENT ON COLUMN reco.cache.hits IS 'Counts how often the sample saw it in use.';
COMMENT ON COLUMN reco.cache.value IS 'Is the answer, JSON.';

CREATE UNLOGGED TABLE reco.id_registry (
	spotify_id text COLLATE "C" NOT NULL,
	server text COLLATE "C" NOT NULL,
	reccobeats_id uuid,
	recorded_as text COLLATE "C",
	isrc text,
	fetched_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	fresh_until timestamptz NOT NULL,
	usable_until timestamptz NOT NULL,
	used_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	hits bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (spotify_id, server),
	CHECK (reccobeats_id IS NOT NULL OR (recorded_as IS NULL AND isrc IS NULL))
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.5);
CREATE INDEX id_registry_usable_until_idx ON reco.id_registry (usable_until);
COMMENT ON TABLE reco.id_registry IS 'Holds which id ReccoBeats has for a track of Spotify''s, or that it has none. Unlogged: a crash empties it, a standby has none.';
COMMENT ON COLUMN reco.id_registry.spotify_id IS 'Is what was asked for: a Spotify id, seldom an ISRC or an id of ReccoBeats.';
COMMENT ON COLUMN reco.id_registry.server IS 'Is the base_url of the server that answered: two of them may know different tracks.';
COMMENT ON COLUMN reco.id_registry.reccobeats_id IS 'Is its id there; NULL = it is missing there, as a complete answer said.';
COMMENT ON COLUMN reco.id_registry.recorded_as IS 'Is the Spotify id that its record names; of a track released twice it may be the other one.';
COMMENT ON COLUMN reco.id_registry.isrc IS 'Is the ISRC of its record.';
COMMENT ON COLUMN reco.id_registry.fresh_until IS 'Says until when it is used without asking again.';
COMMENT ON COLUMN reco.id_registry.usable_until IS 'Says until when it is used while it is asked for again; then it is deleted.';
COMMENT ON COLUMN reco.id_registry.used_at IS 'Says when it was seen in use last; a sample, so that reading writes nothing.';
COMMENT ON COLUMN reco.id_registry.hits IS 'Counts how often the sample saw it in use.';

-- One row per combination and who refused it; a denial by hand holds for all servers.
CREATE UNLOGGED TABLE reco.deny_list (
	deny_key text COLLATE "C" NOT NULL,
	server text COLLATE "C" NOT NULL DEFAULT '',
	by_hand boolean NOT NULL DEFAULT false,
	reason text NOT NULL,
	request text NOT NULL,
	denied_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	denied_until timestamptz NOT NULL,
	used_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	hits bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (deny_key, server),
	CHECK (by_hand OPERATOR(pg_catalog.=) (server OPERATOR(pg_catalog.=) ''))
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.5);
CREATE INDEX deny_list_denied_until_idx ON reco.deny_list (denied_until);
COMMENT ON TABLE reco.deny_list IS 'Holds recommendations that are not asked for, since a service refused them for good or somebody said so. Unlogged: a crash empties it, a standby has none.';
COMMENT ON COLUMN reco.deny_list.deny_key IS 'Is a hash of the sorted seeds, negative seeds and feature parameters.';
COMMENT ON COLUMN reco.deny_list.server IS 'Is the base_url of the server that refused; empty = all, by hand.';
COMMENT ON COLUMN reco.deny_list.by_hand IS 'Says that reco_deny() made it; no service''s refusal changes it.';
COMMENT ON COLUMN reco.deny_list.reason IS 'Is what the service said, or who denied it by hand.';
COMMENT ON COLUMN reco.deny_list.request IS 'Is what is denied, JSON.';
COMMENT ON COLUMN reco.deny_list.denied_at IS 'Says when it was denied.';
COMMENT ON COLUMN reco.deny_list.denied_until IS 'Says until when; then it is deleted.';
COMMENT ON COLUMN reco.deny_list.used_at IS 'Says when it was seen to hold last; a sample, so that reading writes nothing.';
COMMENT ON COLUMN reco.deny_list.hits IS 'Counts how often the sample saw it in use.';

-- What it has of the three tables above, a chunk of their rows in each of its rows: see
-- src/store/snapshot.h.
CREATE TABLE reco.snapshot (
	category text COLLATE "C" NOT NULL,
	bucket integer NOT NULL,
	entries integer NOT NULL,
	state bigint NOT NULL,
	hash bigint NOT NULL,
	content text COLLATE "C" NOT NULL,
	PRIMARY KEY (category, bucket)
) WITH (autovacuum_vacuum_scale_factor = 0.1, toast.autovacuum_vacuum_scale_factor = 0.1);
COMMENT ON TABLE reco.snapshot IS 'Holds a logged copy of reco.deny_list, reco.id_registry and what was used last of reco.cache: they are restored from it after a crash or a promotion.';
COMMENT ON COLUMN reco.snapshot.category IS 'Is denied for reco.deny_list, ids for reco.id_registry, else a category of reco.cache.';
COMMENT ON COLUMN reco.snapshot.bucket IS 'Is what the hashes of the keys begin with.';
COMMENT ON COLUMN reco.snapshot.entries IS 'Counts the rows that are in it.';
COMMENT ON COLUMN reco.snapshot.state IS 'Is a hash over the rows, to see whether any has changed.';
COMMENT ON COLUMN reco.snapshot.hash IS 'Is the hash of the content: a chunk whose content has another one is not restored.';
COMMENT ON COLUMN reco.snapshot.content IS 'Is the rows, JSON.';

CREATE TABLE reco.snapshot_state (
	source text COLLATE "C" NOT NULL PRIMARY KEY CHECK (source IN ('deny_list', 'id_registry', 'cache')),
	taken_at timestamptz,
	restored_at timestamptz,
	restored_from timestamptz,
	restored bigint,
	dropped bigint,
	damaged bigint
);
COMMENT ON TABLE reco.snapshot_state IS 'Holds when each table was copied to reco.snapshot and restored from it last; see the view reco_snapshot_stats.';

INSERT INTO reco.snapshot_state (source) VALUES ('deny_list'), ('id_registry'), ('cache');

CREATE UNLOGGED TABLE reco.alive (
	since timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE reco.alive IS 'Holds one row while the unlogged tables are what was written to them: recovery empties it with them, and then the keeper restores them.';

-- Logged, unlike reco.cache: a history is of use after a crash and on a standby. The
-- list is apart from the figures, which are read without it: so it is compressed, and
-- they are not.
CREATE TABLE reco.run (
	user_id text COLLATE "C" NOT NULL,
	run_id bigint NOT NULL,
	role_id oid NOT NULL,
	started timestamptz NOT NULL,
	record jsonb NOT NULL,
	tracks jsonb NOT NULL,
	PRIMARY KEY (user_id, run_id)
) WITH (toast_tuple_target = 4080, autovacuum_vacuum_scale_factor = 0.1);
ALTER TABLE reco.run ALTER COLUMN record SET STORAGE MAIN;
CREATE INDEX run_run_id_idx ON reco.run (run_id);
COMMENT ON TABLE reco.run IS 'Holds a record of each run of reco_generate, for a while; view reco_run shows it.';
COMMENT ON COLUMN reco.run.user_id IS 'Is whom the list was made for.';
COMMENT ON COLUMN reco.run.run_id IS 'Is the id in the rows of the list; ids grow with time.';
COMMENT ON COLUMN reco.run.role_id IS 'Is the role that asked.';
COMMENT ON COLUMN reco.run.record IS 'Is the run, but for its list.';
COMMENT ON COLUMN reco.run.tracks IS 'Is the list, with reasons and parts of the scores.';

CREATE TABLE reco.ask (
	user_id text COLLATE "C" NOT NULL,
	run_id bigint NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (user_id, run_id, at)
);
CREATE INDEX ask_at_idx ON reco.ask (at);
COMMENT ON TABLE reco.ask IS 'Tells when lists that were kept were asked for, once in some minutes: they cost no run, so reco.run does not. Bounded as that is.';
COMMENT ON COLUMN reco.ask.run_id IS 'Is the run that made the list; its record has the question.';

-- Logged: a job was promised to somebody. Not a table for pg_dump: what is queued here is
-- to be done here.
CREATE TABLE reco.job (
	user_id text COLLATE "C" NOT NULL,
	job_id bigint NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN (
		'generate', 'complete', 'refresh', 'hydrate', 'prefetch', 'prewarm', 'warm')),
	key text COLLATE "C" NOT NULL,
	role_id oid NOT NULL,
	arguments jsonb NOT NULL,
	priority smallint NOT NULL,
	state text COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
	created timestamptz NOT NULL,
	run_after timestamptz NOT NULL,
	turn timestamptz NOT NULL,
	started timestamptz,
	finished timestamptz,
	claim bigint,
	attempts integer NOT NULL DEFAULT 0,
	failures integer NOT NULL DEFAULT 0,
	stage text,
	percent smallint NOT NULL DEFAULT 0,
	run_id bigint,
	error text,
	PRIMARY KEY (user_id, job_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX job_job_id_idx ON reco.job (job_id);
CREATE UNIQUE INDEX job_open_idx ON reco.job (user_id, kind, key) WHERE state IN ('queued', 'running');
CREATE INDEX job_turn_idx ON reco.job (priority, turn, job_id) WHERE state OPERATOR(pg_catalog.=) 'queued';
CREATE INDEX job_listener_idx ON reco.job (user_id, priority, turn) WHERE state OPERATOR(pg_catalog.=) 'queued';
CREATE INDEX job_due_idx ON reco.job (run_after) WHERE state OPERATOR(pg_catalog.=) 'queued';
CREATE INDEX job_claim_idx ON reco.job (claim) WHERE state OPERATOR(pg_catalog.=) 'running';
CREATE INDEX job_finished_idx ON reco.job (finished) WHERE finished IS NOT NULL;
COMMENT ON TABLE reco.job IS 'Holds queued work, and for a while what became of it; reco_job() tells of one job, view reco_stat_job of all.';
COMMENT ON COLUMN reco.job.user_id IS 'Is the listener whom it is for; empty = nobody in particular.';
COMMENT ON COLUMN reco.job.key IS 'Makes it the same job, of a kind and a listener: one is open at a time.';
COMMENT ON COLUMN reco.job.role_id IS 'Is the role that queued it, with whose rights it is done.';
COMMENT ON COLUMN reco.job.priority IS 'Is 1 where somebody waits for it; higher numbers come later.';
COMMENT ON COLUMN reco.job.run_after IS 'Is when it may be claimed: after a failure a while later.';
COMMENT ON COLUMN reco.job.turn IS 'Orders the jobs of a priority, such that listeners take turns.';
COMMENT ON COLUMN reco.job.claim IS 'Marks the worker that is at it.';
COMMENT ON COLUMN reco.job.attempts IS 'Counts how often it was begun; failures: how often that ended in an error.';
COMMENT ON COLUMN reco.job.error IS 'Is what the last failure said.';

-- What pg_cron does of the chores: in dumps, as pg_cron's own table of jobs is.
CREATE TABLE reco.schedule (
	chore text COLLATE "C" NOT NULL PRIMARY KEY,
	schedule text NOT NULL,
	command text NOT NULL,
	jobid bigint NOT NULL,
	jobname text NOT NULL,
	database text NOT NULL,
	cron_database text NOT NULL,
	username text NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE reco.schedule IS 'Holds which chores are registered with pg_cron: the keeper leaves those alone, unless pg_cron has missed three of their times. Written by reco_schedule() and reco_unschedule(); view reco_stat_chore shows it.';
COMMENT ON COLUMN reco.schedule.schedule IS 'Is when, as pg_cron takes it.';
COMMENT ON COLUMN reco.schedule.command IS 'Is what pg_cron runs.';
COMMENT ON COLUMN reco.schedule.jobid IS 'Is the job''s number in cron.job.';
COMMENT ON COLUMN reco.schedule.jobname IS 'Is its name there.';
COMMENT ON COLUMN reco.schedule.database IS 'Is this database as it was called then: under another name, what is here does not count.';
COMMENT ON COLUMN reco.schedule.cron_database IS 'Is where pg_cron had its jobs then; likewise.';
COMMENT ON COLUMN reco.schedule.registered_at IS 'Is when it was registered; from then its times count.';
COMMENT ON COLUMN reco.schedule.username IS 'Is the role that registered it, and that the job runs as.';

SELECT pg_catalog.pg_extension_config_dump('reco.schedule', '');

CREATE TABLE reco.chore (
	chore text COLLATE "C" NOT NULL PRIMARY KEY,
	since timestamptz NOT NULL DEFAULT pg_catalog.now(),
	last_run timestamptz,
	last_done timestamptz,
	last_cron timestamptz,
	last_by text,
	took_ms double precision,
	ended text CHECK (ended IN ('done', 'failed')),
	result text,
	error text,
	runs bigint NOT NULL DEFAULT 0,
	failures bigint NOT NULL DEFAULT 0,
	failing integer NOT NULL DEFAULT 0,
	state bigint
) WITH (fillfactor = 25);
COMMENT ON TABLE reco.chore IS 'Holds how each chore went last; view reco_stat_chore shows it. Its rows keep a chore from being done twice at a time.';
COMMENT ON COLUMN reco.chore.since IS 'Is when it was heard of: its first run is one interval later.';
COMMENT ON COLUMN reco.chore.last_done IS 'Is when a run began last that did not fail: from then the interval counts.';
COMMENT ON COLUMN reco.chore.last_cron IS 'Is when pg_cron began it last: where it has missed three of its times since, the keeper does it.';
COMMENT ON COLUMN reco.chore.failing IS 'Counts the failures since: with each, the pause before the next try doubles, up to the interval.';
COMMENT ON COLUMN reco.chore.state IS 'Stands for what it has seen: while that does not change, there is nothing to do.';

CREATE TABLE reco.cache_policy (
	category text COLLATE "C" NOT NULL PRIMARY KEY CHECK (category IN
		('search', 'artist_tracks', 'tracks', 'artists', 'features', 'ids', 'recommendation', 'completion', 'top_tracks', 'top_artists', 'result', 'artifacts', 'denied', 'popular_mood')),
	fresh interval NOT NULL CHECK (fresh OPERATOR(pg_catalog.>=) '0'),
	usable interval NOT NULL CHECK (usable OPERATOR(pg_catalog.>=) fresh AND usable OPERATOR(pg_catalog.<=) '10 years'),
	absent interval NOT NULL DEFAULT '0' CHECK (absent OPERATOR(pg_catalog.>=) '0' AND absent OPERATOR(pg_catalog.<=) '10 years'),
	jitter real NOT NULL DEFAULT 0.1 CHECK (jitter BETWEEN 0 AND 0.5),
	max_entries bigint NOT NULL CHECK (max_entries OPERATOR(pg_catalog.>=) 0),
	max_bytes bigint NOT NULL CHECK (max_bytes OPERATOR(pg_catalog.>=) 0),
	edited boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE reco.cache_policy IS 'Holds how long answers are kept and how many; edit it freely.';
COMMENT ON COLUMN reco.cache_policy.category IS 'Names what is asked of a service; result: the lists of reco_generate; artifacts: what a run was told, for the listener''s next one; denied: recommendations that a service refused for good; popular_mood: candidates of popular moods, fitted to whoever asks.';
COMMENT ON COLUMN reco.cache_policy.fresh IS 'Is how long an answer is used without asking again; 0 = answers are not kept.';
COMMENT ON COLUMN reco.cache_policy.usable IS 'Is how long an answer is used while it is asked for again.';
COMMENT ON COLUMN reco.cache_policy.absent IS 'Is how long it is believed that a service knows no such thing; 0 = that is not kept.';
COMMENT ON COLUMN reco.cache_policy.jitter IS 'Is by what share the times of each answer vary, so that not all of them end at once: 0..0.5.';
COMMENT ON COLUMN reco.cache_policy.max_entries IS 'Is how many rows reco.cache may have (ids: reco.id_registry, denied: reco.deny_list); the least recently used ones go first.';
COMMENT ON COLUMN reco.cache_policy.max_bytes IS 'Is how many bytes of keys and values reco.cache may have.';
COMMENT ON COLUMN reco.cache_policy.edited IS 'Is derived by a trigger: somebody wrote the row, so it belongs into a dump.';

INSERT INTO reco.cache_policy (category, fresh, usable, absent, max_entries, max_bytes) VALUES
	('search', '15 minutes', '24 hours', '1 hour', 100000, 268435456),
	('artist_tracks', '2 hours', '7 days', '1 hour', 100000, 536870912),
	('tracks', '30 days', '60 days', '7 days', 500000, 536870912),
	('artists', '30 days', '60 days', '7 days', 200000, 134217728),
	('features', '90 days', '180 days', '7 days', 500000, 268435456),
	('ids', '30 days', '60 days', '7 days', 500000, 134217728),
	('recommendation', '30 minutes', '7 days', '1 hour', 100000, 536870912),
	('completion', '7 days', '14 days', '0', 50000, 134217728),
	('top_tracks', '30 minutes', '24 hours', '0', 100000, 536870912),
	('top_artists', '30 minutes', '24 hours', '0', 100000, 134217728),
	('result', '30 minutes', '24 hours', '0', 100000, 1073741824),
	('artifacts', '30 minutes', '30 minutes', '0', 50000, 1073741824),
	('denied', '24 hours', '24 hours', '0', 100000, 67108864),
	('popular_mood', '2 hours', '24 hours', '0', 1000, 268435456);

-- what many ask for: ten ship with it, and the keeper learns more
CREATE TABLE reco.popular_mood (
	prompt text COLLATE "C" NOT NULL PRIMARY KEY
		CHECK (pg_catalog.octet_length(prompt) BETWEEN 1 AND 200 AND pg_catalog.btrim(prompt) OPERATOR(pg_catalog.<>) ''),
	pinned boolean NOT NULL DEFAULT true,
	learned boolean NOT NULL DEFAULT false,
	asked bigint NOT NULL DEFAULT 0,
	hits bigint NOT NULL DEFAULT 0,
	hit_ratio real GENERATED ALWAYS AS (CASE WHEN asked OPERATOR(pg_catalog.>) 0 THEN hits::real OPERATOR(pg_catalog./) asked::real END) STORED,
	recent real NOT NULL DEFAULT 0,
	last_asked timestamptz,
	last_warmed timestamptz,
	warmed_as text COLLATE "C",
	edited boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);
COMMENT ON TABLE reco.popular_mood IS 'Holds the moods whose candidates reco_warm_popular_moods() and the keeper keep ready for whoever asks; edit it freely.';
COMMENT ON COLUMN reco.popular_mood.prompt IS 'Is the mood in words; every prompt that means the same is answered by it.';
COMMENT ON COLUMN reco.popular_mood.pinned IS 'Says that it stays, however seldom it is asked for; a mood that is neither pinned nor learned is not kept ready.';
COMMENT ON COLUMN reco.popular_mood.learned IS 'Says that the keeper found it among what is asked most; unless pinned, it leaves when it is not asked for any more.';
COMMENT ON COLUMN reco.popular_mood.asked IS 'Counts questions for it that no list of the listener''s own answered.';
COMMENT ON COLUMN reco.popular_mood.hits IS 'Counts those of them that its candidates answered.';
COMMENT ON COLUMN reco.popular_mood.hit_ratio IS 'Is derived: hits per question.';
COMMENT ON COLUMN reco.popular_mood.recent IS 'Counts questions as of last_asked, such that one counts half after a day.';
COMMENT ON COLUMN reco.popular_mood.last_warmed IS 'Says when its candidates were made last.';
COMMENT ON COLUMN reco.popular_mood.warmed_as IS 'Is the role with whose rights they are made again; NULL = that of the mood that was warmed last.';
COMMENT ON COLUMN reco.popular_mood.edited IS 'Is derived by a trigger: somebody wrote the row, so it belongs into a dump.';

INSERT INTO reco.popular_mood (prompt) VALUES
	('happy and energetic'),
	('calm and relaxing'),
	('focus and concentration'),
	('workout motivation'),
	('sad and melancholy'),
	('romantic and intimate'),
	('party vibes'),
	('chill evening'),
	('morning energy'),
	('late night vibes');

-- What is predicted, and what became of it. Bounded as reco.run is, by reco_prewarm().
CREATE TABLE reco.prewarm_hour (
	hour timestamptz NOT NULL PRIMARY KEY,
	budget integer NOT NULL,
	asked integer,
	foreseen integer,
	hit_ms double precision,
	judged timestamptz
);
COMMENT ON TABLE reco.prewarm_hour IS 'Holds the hours that reco_prewarm() predicted; view reco_stat_prewarm shows them.';
COMMENT ON COLUMN reco.prewarm_hour.budget IS 'Is how many calls of services its lists might cost.';
COMMENT ON COLUMN reco.prewarm_hour.asked IS 'Counts what was asked in it, each question of a listener once; foreseen: of these, what was predicted.';
COMMENT ON COLUMN reco.prewarm_hour.hit_ms IS 'Is the median of what lists took that were kept.';
COMMENT ON COLUMN reco.prewarm_hour.judged IS 'Is when that was looked at last.';

CREATE TABLE reco.prewarm (
	user_id text COLLATE "C" NOT NULL,
	hour timestamptz NOT NULL,
	key text COLLATE "C" NOT NULL,
	role_id oid NOT NULL,
	arguments jsonb,
	score double precision NOT NULL,
	expected integer NOT NULL,
	cold_ms double precision,
	calls integer NOT NULL DEFAULT 0,
	job_id bigint,
	run_id bigint,
	asked boolean NOT NULL DEFAULT false,
	hit boolean NOT NULL DEFAULT false,
	PRIMARY KEY (user_id, hour, key)
);
CREATE INDEX prewarm_hour_idx ON reco.prewarm (hour);
COMMENT ON TABLE reco.prewarm IS 'Holds what reco_prewarm() predicted to be asked in an hour, and what became of it.';
COMMENT ON COLUMN reco.prewarm.key IS 'Tells questions apart; empty = that the listener comes, whatever is asked.';
COMMENT ON COLUMN reco.prewarm.role_id IS 'Is the role that asked last, with whose rights the list is made.';
COMMENT ON COLUMN reco.prewarm.score IS 'Is how likely it was.';
COMMENT ON COLUMN reco.prewarm.expected IS 'Is how many calls of services such a list takes.';
COMMENT ON COLUMN reco.prewarm.cold_ms IS 'Is the median of what it took those who asked before.';
COMMENT ON COLUMN reco.prewarm.calls IS 'Is how many calls it cost, or is promised.';
COMMENT ON COLUMN reco.prewarm.job_id IS 'Is the job that was queued; NULL = it did not fit into the budget, or the role may ask no service.';
COMMENT ON COLUMN reco.prewarm.run_id IS 'Is the run that made the list; NULL = none did, or not yet.';
COMMENT ON COLUMN reco.prewarm.asked IS 'Says that it was asked in the hour; hit: and that this very list was given.';

-- every database has all of it: what is known outlives any one of them
CREATE TABLE reco.limit_state (
	lane bigint NOT NULL PRIMARY KEY,
	kind text NOT NULL,
	base_url text NOT NULL,
	credential text NOT NULL,
	blocked_until timestamptz,
	quota_until timestamptz,
	exhausted_until timestamptz[] NOT NULL,
	refused_until timestamptz[] NOT NULL,
	hour_at timestamptz,
	hours integer[],
	updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE reco.limit_state IS 'Holds what limits of services must not be forgotten in a crash; the keeper writes it.';
COMMENT ON COLUMN reco.limit_state.lane IS 'Is a hash of kind, addresses and credential.';
COMMENT ON COLUMN reco.limit_state.credential IS 'Is a fingerprint, as in reco_stat_upstream.';
COMMENT ON COLUMN reco.limit_state.blocked_until IS 'Says until when the service wants no calls.';
COMMENT ON COLUMN reco.limit_state.quota_until IS 'Says until when the service''s quota is used up.';
COMMENT ON COLUMN reco.limit_state.exhausted_until IS 'Says the same for each endpoint that has a quota of its own.';
COMMENT ON COLUMN reco.limit_state.refused_until IS 'Says for each endpoint until when it is taken as closed for the app.';
COMMENT ON COLUMN reco.limit_state.hour_at IS 'Says when the newest hour of the count began.';
COMMENT ON COLUMN reco.limit_state.hours IS 'Counts the calls of each hour of the last day, the newest one first, where a server has daily_quota.';

/* -------------------------------------------------------------------------
 * Triggers
 * ------------------------------------------------------------------------- */

CREATE FUNCTION reco.derive() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_derive' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.derive() IS 'Fills the derived columns of reco.track and reco.artist.';
REVOKE ALL ON FUNCTION reco.derive() FROM PUBLIC;

CREATE FUNCTION reco.derive_term() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_derive_term' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.derive_term() IS 'Checks the targets and fills the derived column of reco.mood_term.';
REVOKE ALL ON FUNCTION reco.derive_term() FROM PUBLIC;

CREATE FUNCTION reco.note_change() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_note_change' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.note_change() IS 'Notes that the catalogue has changed, so that copies in memory are read anew.';
REVOKE ALL ON FUNCTION reco.note_change() FROM PUBLIC;

CREATE FUNCTION reco.prompt_key(prompt text) RETURNS text
AS 'MODULE_PATHNAME', 'reco_prompt_key' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION reco.prompt_key(text) IS 'Shows what of a prompt tells its result from others: prompts for which it is the same share one.';
REVOKE ALL ON FUNCTION reco.prompt_key(text) FROM PUBLIC;

CREATE FUNCTION reco.note_policy() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- a dump brings edited rows into a table that has the shipped ones
	IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
		DELETE FROM reco.cache_policy AS p
		WHERE p.category OPERATOR(pg_catalog.=) NEW.category AND NOT p.edited;
	END IF;
	NEW.edited := true;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION reco.note_policy() IS 'Marks rows of reco.cache_policy that somebody wrote; a new one takes the place of a shipped one.';
REVOKE ALL ON FUNCTION reco.note_policy() FROM PUBLIC;

CREATE FUNCTION reco.note_popular_mood() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- a dump brings edited rows into a table that has the shipped ones
	IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
		DELETE FROM reco.popular_mood AS p
		WHERE p.prompt OPERATOR(pg_catalog.=) NEW.prompt AND NOT p.edited;
	END IF;
	NEW.edited := true;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION reco.note_popular_mood() IS 'Marks rows of reco.popular_mood that somebody wrote; a new one takes the place of a shipped or learned one.';
REVOKE ALL ON FUNCTION reco.note_popular_mood() FROM PUBLIC;

CREATE FUNCTION reco.note_popular_moods() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_note_popular_moods' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.note_popular_moods() IS 'Tells everybody at commit that there are other popular moods.';
REVOKE ALL ON FUNCTION reco.note_popular_moods() FROM PUBLIC;

CREATE FUNCTION reco.note_popular_role() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_note_popular_role' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.note_popular_role() IS 'Lets nobody name a role in reco.popular_mood.warmed_as that he or she is no member of.';
REVOKE ALL ON FUNCTION reco.note_popular_role() FROM PUBLIC;

CREATE TRIGGER derive BEFORE INSERT OR UPDATE ON reco.artist
	FOR EACH ROW EXECUTE FUNCTION reco.derive();
CREATE TRIGGER derive BEFORE INSERT OR UPDATE ON reco.track
	FOR EACH ROW EXECUTE FUNCTION reco.derive();
CREATE TRIGGER derive BEFORE INSERT OR UPDATE ON reco.mood_term
	FOR EACH ROW EXECUTE FUNCTION reco.derive_term();
CREATE TRIGGER note_policy BEFORE INSERT OR UPDATE ON reco.cache_policy
	FOR EACH ROW EXECUTE FUNCTION reco.note_policy();
-- what the keeper learns is no edit
CREATE TRIGGER note_popular_mood BEFORE INSERT ON reco.popular_mood
	FOR EACH ROW WHEN (NEW.edited OR NOT NEW.learned) EXECUTE FUNCTION reco.note_popular_mood();
CREATE TRIGGER note_popular_mood_change BEFORE UPDATE OF prompt, pinned, learned ON reco.popular_mood
	FOR EACH ROW EXECUTE FUNCTION reco.note_popular_mood();
CREATE TRIGGER note_popular_role BEFORE INSERT ON reco.popular_mood
	FOR EACH ROW WHEN (NEW.warmed_as IS NOT NULL) EXECUTE FUNCTION reco.note_popular_role();
CREATE TRIGGER note_popular_role_change BEFORE UPDATE OF warmed_as ON reco.popular_mood
	FOR EACH ROW WHEN (NEW.warmed_as IS DISTINCT FROM OLD.warmed_as AND NEW.warmed_as IS NOT NULL) EXECUTE FUNCTION reco.note_popular_role();
CREATE TRIGGER note_popular_moods AFTER INSERT OR DELETE OR UPDATE OF prompt, pinned, learned ON reco.popular_mood
	FOR EACH ROW EXECUTE FUNCTION reco.note_popular_moods();
CREATE TRIGGER note_popular_moods_end AFTER TRUNCATE ON reco.popular_mood
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_popular_moods();
-- before, so that what a row trigger reads is never taken for the state before;
-- after, so that it is not taken for the state at the end either
CREATE TRIGGER note_change_before BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON reco.track
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_change();
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON reco.track
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_change();
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON reco.mood_term
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_change('lexicon');
CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON reco.artist
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_change('lexicon');

CREATE FUNCTION reco.note_denial() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_note_denial' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.note_denial() IS 'Copies a denial that somebody made, changed or removed by hand to reco.snapshot at once, so that it holds after a crash.';
REVOKE ALL ON FUNCTION reco.note_denial() FROM PUBLIC;

CREATE TRIGGER note_denial AFTER INSERT ON reco.deny_list
	FOR EACH ROW WHEN (NEW.by_hand) EXECUTE FUNCTION reco.note_denial();
CREATE TRIGGER note_denial_change AFTER UPDATE OF deny_key, server, by_hand, reason, request, denied_at, denied_until ON reco.deny_list
	FOR EACH ROW WHEN (OLD.by_hand OR NEW.by_hand) EXECUTE FUNCTION reco.note_denial();
CREATE TRIGGER note_denial_end AFTER DELETE ON reco.deny_list
	FOR EACH ROW WHEN (OLD.by_hand) EXECUTE FUNCTION reco.note_denial();

CREATE FUNCTION reco.note_listener() RETURNS trigger
AS 'MODULE_PATHNAME', 'reco_note_listener' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.note_listener() IS 'Notes that a listener judged or played something: lists that are kept for him or her go, or become stale, at commit; after a TRUNCATE all lists go.';
REVOKE ALL ON FUNCTION reco.note_listener() FROM PUBLIC;

CREATE TRIGGER note_listener AFTER INSERT OR UPDATE OR DELETE ON reco.feedback
	FOR EACH ROW EXECUTE FUNCTION reco.note_listener('gone');
CREATE TRIGGER note_listener AFTER INSERT OR UPDATE OR DELETE ON reco.listen
	FOR EACH ROW EXECUTE FUNCTION reco.note_listener('stale');
CREATE TRIGGER note_truncate AFTER TRUNCATE ON reco.feedback
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_listener();
CREATE TRIGGER note_truncate AFTER TRUNCATE ON reco.listen
	FOR EACH STATEMENT EXECUTE FUNCTION reco.note_listener();

/* -------------------------------------------------------------------------
 * Functions: the main job
 * ------------------------------------------------------------------------- */

CREATE FUNCTION @extschema@.reco_generate(
	user_id text,
	prompt text,
	size integer DEFAULT 20,
	deadline interval DEFAULT NULL,
	options jsonb DEFAULT '{}',
	OUT rank integer,
	OUT track_id text,
	OUT title text,
	OUT artist text,
	OUT album text,
	OUT score real,
	OUT strategy text,
	OUT origin text,
	OUT reason text,
	OUT run_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_generate' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20 COST 10000;
COMMENT ON FUNCTION @extschema@.reco_generate(text, text, integer, interval, jsonb) IS
	'Makes a playlist for a listener ('''' = anonymous) from a sentence; writes nothing.';
REVOKE ALL ON FUNCTION @extschema@.reco_generate(text, text, integer, interval, jsonb) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_generate_json(
	user_id text,
	prompt text,
	size integer DEFAULT 20,
	deadline interval DEFAULT NULL,
	options jsonb DEFAULT '{}')
RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_generate_json' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.reco_generate_json(text, text, integer, interval, jsonb) IS
	'Makes a playlist as one document: mood, tracks with features and reasons, quality, timings, whether it is complete.';
REVOKE ALL ON FUNCTION @extschema@.reco_generate_json(text, text, integer, interval, jsonb) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_rank(
	user_id text,
	prompt text,
	n integer DEFAULT 500,
	options jsonb DEFAULT '{}',
	OUT rank integer,
	OUT track_id text,
	OUT score real,
	OUT parts jsonb)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_rank' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 500 COST 10000;
COMMENT ON FUNCTION @extschema@.reco_rank(text, text, integer, jsonb) IS
	'Ranks candidates by the final score of reco_generate, with its parts, before any rule of the list: for evaluation and tuning.';
REVOKE ALL ON FUNCTION @extschema@.reco_rank(text, text, integer, jsonb) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_explain(
	user_id text,
	prompt text,
	size integer DEFAULT 20,
	deadline interval DEFAULT NULL,
	options jsonb DEFAULT '{}')
RETURNS SETOF text
AS 'MODULE_PATHNAME', 'reco_explain' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 60 COST 10000;
COMMENT ON FUNCTION @extschema@.reco_explain(text, text, integer, interval, jsonb) IS
	'Runs reco_generate and tells how: stages with times, candidates in and out, what each rule pruned, parts of each score.';
REVOKE ALL ON FUNCTION @extschema@.reco_explain(text, text, integer, interval, jsonb) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_mood(prompt text)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_mood' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION @extschema@.reco_mood(text) IS
	'Says what a prompt means: targets, labels, mentions, regions, themes, era, confidence.';
REVOKE ALL ON FUNCTION @extschema@.reco_mood(text) FROM PUBLIC;

/* -------------------------------------------------------------------------
 * Functions: listeners
 * ------------------------------------------------------------------------- */

CREATE FUNCTION @extschema@.reco_listen(user_id text, track_id text, at timestamptz DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_listen' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_listen(text, text, timestamptz) IS
	'Writes that a listener played a track, now or at a time; returns the id of the play.';
REVOKE ALL ON FUNCTION @extschema@.reco_listen(text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_feedback(user_id text, track_id text, event text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_feedback' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_feedback(text, text, text) IS
	'Writes that a listener liked, saved, skipped or disliked a track, or takes that back (clear); returns the id of the judgement.';
REVOKE ALL ON FUNCTION @extschema@.reco_feedback(text, text, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_connect_user(user_id text, refresh_token text, server text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'reco_connect_user' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_connect_user(text, text, text) IS
	'Stores a listener''s refresh token, so that a service can be asked for what is the listener''s own.';
REVOKE ALL ON FUNCTION @extschema@.reco_connect_user(text, text, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_disconnect_user(user_id text, server text DEFAULT NULL)
RETURNS boolean
AS 'MODULE_PATHNAME', 'reco_disconnect_user' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_disconnect_user(text, text) IS
	'Erases a listener''s tokens and what services told with them, of one server or all; tells whether there was a token.';
REVOKE ALL ON FUNCTION @extschema@.reco_disconnect_user(text, text) FROM PUBLIC;

/* -------------------------------------------------------------------------
 * Functions: the catalogue
 * ------------------------------------------------------------------------- */

CREATE FUNCTION @extschema@.reco_catalogue_import(source regclass)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_catalogue_import' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_catalogue_import(regclass) IS
	'Imports tracks from any relation, columns recognised by their usual names; says what became of each column and row.';
REVOKE ALL ON FUNCTION @extschema@.reco_catalogue_import(regclass) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_demo_catalogue(tracks integer DEFAULT 5000, seed integer DEFAULT 1)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'reco_demo_catalogue' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_demo_catalogue(integer, integer) IS
	'Makes a made-up catalogue with listeners to try things on; replaces an earlier one, touches nothing else.';
REVOKE ALL ON FUNCTION @extschema@.reco_demo_catalogue(integer, integer) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_learn_moods()
RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_learn_moods' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_learn_moods() IS
	'Rebuilds the learned rows of reco.mood_term from the genres and tags of the catalogue; returns how many. Imports run it themselves.';
REVOKE ALL ON FUNCTION @extschema@.reco_learn_moods() FROM PUBLIC;

/* -------------------------------------------------------------------------
 * Upstreams: servers of services, and questions to them by hand
 * ------------------------------------------------------------------------- */

CREATE FUNCTION @extschema@.reco_upstream_validator(options text[], catalog oid) RETURNS void
AS 'MODULE_PATHNAME', 'reco_upstream_validator' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_upstream_validator(text[], oid) IS
	'Checks the options of servers and user mappings of foreign data wrapper reco_upstream; PostgreSQL calls it.';
REVOKE ALL ON FUNCTION @extschema@.reco_upstream_validator(text[], oid) FROM PUBLIC;

CREATE FOREIGN DATA WRAPPER reco_upstream VALIDATOR @extschema@.reco_upstream_validator;
COMMENT ON FOREIGN DATA WRAPPER reco_upstream IS
	'Holds the services that reco may ask: a server for each, with its address and limits, and user mappings with its secrets. It has no foreign tables.';

CREATE FUNCTION @extschema@.reco_resolve(
	kind text,
	keys text[],
	deadline interval DEFAULT NULL,
	priority text DEFAULT 'interactive',
	user_id text DEFAULT NULL,
	OUT key text,
	OUT value jsonb,
	OUT origin text,
	OUT outcome text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_resolve' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.reco_resolve(text, text[], interval, text, text) IS
	'Asks a service for keys of a kind, of a listener''s own things with the listener''s token, and tells what became of each, in their order. It spends calls that may cost money.';
REVOKE ALL ON FUNCTION @extschema@.reco_resolve(text, text[], interval, text, text) FROM PUBLIC;

/* -------------------------------------------------------------------------
 * Views: what the gateway did, and how it is
 * ------------------------------------------------------------------------- */

CREATE FUNCTION reco.stat_upstream(
	OUT server text,
	OUT kind text,
	OUT base_url text,
	OUT credential text,
	OUT questions bigint,
	OUT calls bigint,
	OUT keys bigint,
	OUT keys_per_call double precision,
	OUT coalesced bigint,
	OUT retries bigint,
	OUT expired bigint,
	OUT token_calls bigint,
	OUT fresh bigint,
	OUT absent bigint,
	OUT denied bigint,
	OUT rejected bigint,
	OUT refused bigint,
	OUT limited bigint,
	OUT quota bigint,
	OUT unavailable bigint,
	OUT timeout bigint,
	OUT malformed bigint,
	OUT unauthorised bigint,
	OUT cancelled bigint,
	OUT busy bigint,
	OUT queue_p50_ms double precision,
	OUT queue_p95_ms double precision,
	OUT queue_p99_ms double precision,
	OUT network_p50_ms double precision,
	OUT network_p95_ms double precision,
	OUT network_p99_ms double precision,
	OUT total_p50_ms double precision,
	OUT total_p95_ms double precision,
	OUT total_p99_ms double precision,
	OUT bytes_sent bigint,
	OUT bytes_received bigint,
	OUT queued integer,
	OUT in_flight integer,
	OUT connections integer,
	OUT connections_opened bigint,
	OUT connections_reused bigint,
	OUT breaker text,
	OUT breaker_until timestamptz,
	OUT concurrency double precision,
	OUT blocked_until timestamptz,
	OUT quota_until timestamptz,
	OUT refused_until timestamptz,
	OUT refused_endpoints text[],
	OUT last_asked timestamptz,
	OUT last_error text,
	OUT last_error_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_upstream' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4;
COMMENT ON FUNCTION reco.stat_upstream() IS 'Lists the upstreams that were asked since the server started, for the view reco_stat_upstream.';
REVOKE ALL ON FUNCTION reco.stat_upstream() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_upstream AS SELECT * FROM reco.stat_upstream();
COMMENT ON VIEW @extschema@.reco_stat_upstream IS 'Shows one row per upstream and credential, of the whole cluster: calls, outcomes, times in milliseconds, limits.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.server IS 'Names the server that asked first; several servers with the same address and credential are one upstream.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.credential IS 'Is a fingerprint that tells credentials apart and says nothing about them.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.questions IS 'Counts the keys that sessions asked for.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.calls IS 'Counts HTTP requests, retries included, token requests not.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.keys IS 'Counts the keys in these requests.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.coalesced IS 'Counts the keys that were under way already for somebody else.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.expired IS 'Counts the keys that were dropped unsent at their deadline.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.fresh IS 'Counts the keys that sessions got an answer for; the columns after it count the other outcomes.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.queue_p50_ms IS 'Is the median time from the question to the send.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.network_p50_ms IS 'Is the median time from the send to the answer.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.total_p50_ms IS 'Is the median time from the question to its end.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.breaker IS 'Is closed, open (nothing is sent until breaker_until) or half-open (one call probes).';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.concurrency IS 'Is how many calls at once are allowed, as learned from answers.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.blocked_until IS 'Says until when the service limits us (429, Retry-After).';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.quota_until IS 'Says until when the service''s quota is used up.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.refused_until IS 'Says until when nothing is asked because the credential or the app was refused.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.refused_endpoints IS 'Lists endpoints that are closed for the app; each is tried again after a day.';
COMMENT ON COLUMN @extschema@.reco_stat_upstream.last_error IS 'Is what went wrong last, in the service''s words; no secret is in it.';
REVOKE ALL ON @extschema@.reco_stat_upstream FROM PUBLIC;

CREATE FUNCTION reco.stat_worker(
	OUT worker text,
	OUT pid integer,
	OUT database oid,
	OUT state text,
	OUT started timestamptz,
	OUT starts integer,
	OUT last_error text,
	OUT last_error_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_worker' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 4;
COMMENT ON FUNCTION reco.stat_worker() IS 'Lists the processes of the extension, for the view reco_stat_worker.';
REVOKE ALL ON FUNCTION reco.stat_worker() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_worker AS
	SELECT w.worker, w.pid, d.datname AS database, w.state, w.started, w.starts, w.last_error, w.last_error_at
	FROM reco.stat_worker() AS w
	LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) w.database;
COMMENT ON VIEW @extschema@.reco_stat_worker IS 'Shows every process of the extension. The gateway has no database, so pg_stat_activity does not show it.';
COMMENT ON COLUMN @extschema@.reco_stat_worker.pid IS 'Is NULL when the process does not run at the moment.';
COMMENT ON COLUMN @extschema@.reco_stat_worker.starts IS 'Counts starts since the server started.';
REVOKE ALL ON @extschema@.reco_stat_worker FROM PUBLIC;

CREATE FUNCTION reco.stat_gateway(
	OUT slots integer,
	OUT slots_free integer,
	OUT memory bigint,
	OUT memory_free bigint,
	OUT refused_slots bigint,
	OUT refused_memory bigint,
	OUT shared_memory bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_gateway' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION reco.stat_gateway() IS 'Says how full the way to the gateway is, for the view reco_stat_gateway.';
REVOKE ALL ON FUNCTION reco.stat_gateway() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_gateway AS SELECT * FROM reco.stat_gateway();
COMMENT ON VIEW @extschema@.reco_stat_gateway IS 'Shows how full the shared memory between sessions and the gateway is; bytes.';
COMMENT ON COLUMN @extschema@.reco_stat_gateway.refused_slots IS 'Counts questions that found no free slot: raise reco.gateway_slots.';
COMMENT ON COLUMN @extschema@.reco_stat_gateway.refused_memory IS 'Counts questions and answers that found no memory: raise reco.gateway_memory.';
REVOKE ALL ON @extschema@.reco_stat_gateway FROM PUBLIC;

CREATE FUNCTION reco.stat_memory(
	OUT database oid,
	OUT state text,
	OUT tracks bigint,
	OUT shared_bytes bigint,
	OUT generation bigint,
	OUT exact boolean,
	OUT built_at timestamptz,
	OUT built_in interval,
	OUT own_copies integer,
	OUT own_bytes bigint,
	OUT total_bytes bigint,
	OUT session_bytes bigint,
	OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_memory' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 2;
COMMENT ON FUNCTION reco.stat_memory() IS 'Says how much memory the catalogue takes that scans run over, for the view reco_stat_memory.';
REVOKE ALL ON FUNCTION reco.stat_memory() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_memory AS
	SELECT d.datname AS database, m.state, m.tracks, m.shared_bytes, m.generation, m.exact, m.built_at, m.built_in,
		m.own_copies, m.own_bytes, m.total_bytes, m.session_bytes, m.problem
	FROM reco.stat_memory() AS m
	LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) m.database;
COMMENT ON VIEW @extschema@.reco_stat_memory IS 'Shows, by database, the catalogue in memory that scans run over: one copy for all sessions, and the copies that sessions have of their own.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.state IS 'Is shared, refreshing (shared, and the keeper makes the next one), building, or none: each session has its own.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.tracks IS 'Counts the tracks in the shared copy.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.shared_bytes IS 'Is the size of the shared copy, which all sessions read.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.generation IS 'Differs between any two shared copies that were made since the server started.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.exact IS 'Is false where the catalogue changed while the shared copy was made; the next one follows.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.built_in IS 'Is the work that the shared copy took. The next one is not begun before four times as long has passed.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.own_copies IS 'Counts the sessions that have a copy of their own.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.own_bytes IS 'Sums these copies.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.total_bytes IS 'Sums the shared copy and these.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.session_bytes IS 'Is the copy of the very session that asks; NULL for other databases.';
COMMENT ON COLUMN @extschema@.reco_stat_memory.problem IS 'Says why there is no shared copy, or no newer one.';
REVOKE ALL ON @extschema@.reco_stat_memory FROM PUBLIC;

CREATE FUNCTION reco.stat_cache(
	OUT category text,
	OUT entries bigint,
	OUT bytes bigint,
	OUT buffer_entries bigint,
	OUT buffer_bytes bigint,
	OUT unwritten bigint,
	OUT hits bigint,
	OUT table_hits bigint,
	OUT stale_hits bigint,
	OUT absent_hits bigint,
	OUT misses bigint,
	OUT coalesced bigint,
	OUT hit_ratio double precision,
	OUT calls_saved bigint,
	OUT puts bigint,
	OUT dropped bigint,
	OUT buffer_evicted bigint,
	OUT evicted bigint,
	OUT expired bigint,
	OUT oldest timestamptz,
	OUT fresh interval,
	OUT usable interval)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_cache' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 8 COST 1000;
COMMENT ON FUNCTION reco.stat_cache() IS 'Counts what is kept of answers, for the view reco_cache_stats.';
REVOKE ALL ON FUNCTION reco.stat_cache() FROM PUBLIC;

CREATE VIEW @extschema@.reco_cache_stats AS SELECT * FROM reco.stat_cache();
COMMENT ON VIEW @extschema@.reco_cache_stats IS 'Shows one row per category of answers: what this database keeps, and how often that helped in the whole cluster.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.entries IS 'Counts the rows of reco.cache, for ids of reco.id_registry, for denied of reco.deny_list, without those by hand; NULL on a standby, which has none unless the table is logged.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.bytes IS 'Sums their keys and values.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.buffer_entries IS 'Counts the answers in shared memory, written ones too.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.unwritten IS 'Counts those that the keeper has not written yet.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.hits IS 'Counts keys answered from shared memory, fresh.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.table_hits IS 'Counts keys answered from reco.cache, fresh.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.stale_hits IS 'Counts keys for which an older answer was at hand.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.absent_hits IS 'Counts keys that were known not to exist.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.misses IS 'Counts keys of which nothing was known.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.coalesced IS 'Counts keys that waited for a call, or a list, that was under way for another asker.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.hit_ratio IS 'Is the share of keys of which something was known.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.calls_saved IS 'Counts keys that no service had to be asked for: hits, table_hits, absent_hits and coalesced; of result the runs that were not needed.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.dropped IS 'Counts answers that found no room in shared memory, or could not be written in this database''s encoding.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.buffer_evicted IS 'Counts answers that left shared memory for others after they were written.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.evicted IS 'Counts rows of reco.cache that went because there were too many.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.expired IS 'Counts rows of reco.cache that went because their time was over.';
COMMENT ON COLUMN @extschema@.reco_cache_stats.oldest IS 'Says when the oldest row of reco.cache was fetched.';
REVOKE ALL ON @extschema@.reco_cache_stats FROM PUBLIC;

CREATE VIEW @extschema@.reco_learn_stats AS
	SELECT s.tracks, s.artists, s.features, s.skipped, s.lost, s.removed,
		t.known_tracks, t.expired_tracks, s.learned_at, s.published_at, s.lexicon_at
	FROM reco.learn_state AS s
	CROSS JOIN LATERAL (
		SELECT pg_catalog.count(*) AS known_tracks,
			pg_catalog.count(*) FILTER (WHERE k.expires_at OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()) AS expired_tracks
		FROM reco.track AS k
		WHERE k.expires_at IS NOT NULL AND k.source OPERATOR(pg_catalog.=) ANY (ARRAY['spotify', 'reccobeats'])
	) AS t;
COMMENT ON VIEW @extschema@.reco_learn_stats IS 'Shows one row: what the keeper has put into the catalogue of what services told.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.tracks IS 'Counts the tracks that were written, new ones and others.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.artists IS 'Counts the artists that were written, new ones and others.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.features IS 'Counts the tracks whose features were written: measured or absent.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.skipped IS 'Counts what was told and is no track, artist or feature that the catalogue can hold.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.lost IS 'Counts answers that were not learned from, because writing was held up for too long.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.removed IS 'Counts tracks, artists and features that were removed: out of date, or over reco.learned_tracks.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.known_tracks IS 'Counts the tracks that the catalogue has from services now.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.expired_tracks IS 'Counts those of them that are due to be asked for again.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.learned_at IS 'Says when something was written last.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.published_at IS 'Says when the catalogue in memory was told last to take in what was written.';
COMMENT ON COLUMN @extschema@.reco_learn_stats.lexicon_at IS 'Says when the lexicon was made anew from learned genres; NULL = never.';
REVOKE ALL ON @extschema@.reco_learn_stats FROM PUBLIC;

CREATE VIEW @extschema@.reco_snapshot_stats AS
	SELECT t.source, c.relpersistence OPERATOR(pg_catalog.=) 'p' AS logged, s.chunks, s.entries, s.bytes,
		t.taken_at, t.restored_at, t.restored_from, t.restored, t.dropped, t.damaged
	FROM reco.snapshot_state AS t
	JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=)
		pg_catalog.to_regclass(pg_catalog.concat('reco.', t.source))
	CROSS JOIN LATERAL (
		SELECT pg_catalog.count(*) AS chunks, COALESCE(pg_catalog.sum(n.entries), 0) AS entries,
			COALESCE(pg_catalog.sum(pg_catalog.pg_column_size(n.content)), 0) AS bytes
		FROM reco.snapshot AS n
		WHERE t.source OPERATOR(pg_catalog.=) CASE n.category WHEN 'denied' THEN 'deny_list' WHEN 'ids' THEN 'id_registry' ELSE 'cache' END
	) AS s;
COMMENT ON VIEW @extschema@.reco_snapshot_stats IS 'Shows one row per table that is copied to reco.snapshot: what is there, when it was taken, and what was restored from it last.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.source IS 'Names the table, of schema reco.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.logged IS 'Says that the table is logged (reco.logged_tables), so it is not copied.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.entries IS 'Counts the rows in the copy.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.bytes IS 'Is their size in the copy, compressed.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.taken_at IS 'Says of when the copy is; NULL = there is none.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.restored_at IS 'Says when the table was restored after a crash or a promotion; NULL = never.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.restored_from IS 'Says of when that copy was.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.restored IS 'Counts the rows that were restored then.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.dropped IS 'Counts the rows that were not, since they were no longer valid.';
COMMENT ON COLUMN @extschema@.reco_snapshot_stats.damaged IS 'Counts the chunks that were not, since they were damaged.';
REVOKE ALL ON @extschema@.reco_snapshot_stats FROM PUBLIC;

CREATE FUNCTION reco.stat_id_registry(
	OUT validated bigint,
	OUT missing bigint,
	OUT expiring bigint,
	OUT oldest timestamptz,
	OUT unwritten bigint,
	OUT hits bigint,
	OUT stale_hits bigint,
	OUT missing_hits bigint,
	OUT misses bigint,
	OUT calls_saved bigint,
	OUT hit_ratio double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_id_registry' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1 COST 1000;
COMMENT ON FUNCTION reco.stat_id_registry() IS 'Counts what is known of ids, for the view reco_id_registry_stats.';
REVOKE ALL ON FUNCTION reco.stat_id_registry() FROM PUBLIC;

CREATE VIEW @extschema@.reco_id_registry_stats AS SELECT * FROM reco.stat_id_registry();
COMMENT ON VIEW @extschema@.reco_id_registry_stats IS 'Shows in one row which tracks this database knows to be at ReccoBeats or missing there, and how often that helped in the whole cluster.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.validated IS 'Counts the tracks whose id there is known; NULL on a standby, which has none unless the table is logged.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.missing IS 'Counts the tracks that are known to be missing there.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.expiring IS 'Counts those of both that will be asked for again within a day, if anybody wants them.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.oldest IS 'Says when the oldest of them was fetched.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.unwritten IS 'Counts ids in shared memory that the keeper has not written yet.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.hits IS 'Counts ids that were found, fresh.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.stale_hits IS 'Counts ids that were found, and asked for again meanwhile.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.missing_hits IS 'Counts how often a track was known to be missing, by whoever wanted its id, its features, or a list around it.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.misses IS 'Counts ids of which nothing was known.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.calls_saved IS 'Counts ids that ReccoBeats did not have to be asked for: hits and missing_hits.';
COMMENT ON COLUMN @extschema@.reco_id_registry_stats.hit_ratio IS 'Is the share of ids of which something was known.';
REVOKE ALL ON @extschema@.reco_id_registry_stats FROM PUBLIC;

CREATE FUNCTION reco.stat_deny_list(
	OUT deny_key text,
	OUT server text,
	OUT by_hand boolean,
	OUT reason text,
	OUT request text,
	OUT denied_at timestamptz,
	OUT denied_until timestamptz,
	OUT used_at timestamptz,
	OUT hits bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_deny_list' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100 COST 1000;
COMMENT ON FUNCTION reco.stat_deny_list() IS 'Lists what is denied, for the view reco_deny_list.';
REVOKE ALL ON FUNCTION reco.stat_deny_list() FROM PUBLIC;

CREATE VIEW @extschema@.reco_deny_list AS SELECT * FROM reco.stat_deny_list();
COMMENT ON VIEW @extschema@.reco_deny_list IS 'Shows the recommendations that are not asked for, the newest first; a refusal appears once the keeper has written it.';
COMMENT ON COLUMN @extschema@.reco_deny_list.deny_key IS 'Is a hash of seeds, negative seeds and feature parameters; reco_allow(deny_key => ...) takes it.';
COMMENT ON COLUMN @extschema@.reco_deny_list.server IS 'Is the base_url of the server that refused; NULL = denied for all, by hand.';
COMMENT ON COLUMN @extschema@.reco_deny_list.by_hand IS 'Says that reco_deny() made it.';
COMMENT ON COLUMN @extschema@.reco_deny_list.reason IS 'Is what the service said, or whoever denied it.';
COMMENT ON COLUMN @extschema@.reco_deny_list.request IS 'Is what is denied, JSON.';
COMMENT ON COLUMN @extschema@.reco_deny_list.used_at IS 'Says when it was seen to hold last; a sample.';
COMMENT ON COLUMN @extschema@.reco_deny_list.hits IS 'Counts how often the sample saw it in use.';
REVOKE ALL ON @extschema@.reco_deny_list FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_deny(
	seeds text[],
	negatives text[] DEFAULT '{}',
	parameters jsonb DEFAULT '{}',
	duration interval DEFAULT '24 hours',
	reason text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'reco_deny' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_deny(text[], text[], jsonb, interval, text) IS
	'Keeps a recommendation from being asked for, from the commit on; returns its key in reco_deny_list. Ids are those of Spotify or of ReccoBeats, parameters as in {"energy": 0.8}.';
REVOKE ALL ON FUNCTION @extschema@.reco_deny(text[], text[], jsonb, interval, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_allow(
	seeds text[] DEFAULT NULL,
	negatives text[] DEFAULT '{}',
	parameters jsonb DEFAULT '{}',
	deny_key text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_allow' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_allow(text[], text[], jsonb, text) IS
	'Ends all denials of a recommendation, or of a key of reco_deny_list, from the commit on; returns how many there were.';
REVOKE ALL ON FUNCTION @extschema@.reco_allow(text[], text[], jsonb, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_cache_invalidate(
	category text DEFAULT NULL,
	key text DEFAULT NULL,
	user_id text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_cache_invalidate' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_cache_invalidate(text, text, text) IS
	'Removes answers from memory, from the tables and from their snapshot, those of a category, of a key, or all; returns how many. What was denied by hand stays, see reco_allow(). With user_id it removes the lists that are kept for that listener.';
REVOKE ALL ON FUNCTION @extschema@.reco_cache_invalidate(text, text, text) FROM PUBLIC;

CREATE FUNCTION reco.stat_stage(
	OUT database_id oid,
	OUT nth integer,
	OUT metric text,
	OUT calls bigint,
	OUT p50_ms double precision,
	OUT p95_ms double precision,
	OUT p99_ms double precision,
	OUT mean_ms double precision,
	OUT max_ms double precision,
	OUT keys bigint,
	OUT hits bigint,
	OUT hit_ratio double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_stage' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 20;
COMMENT ON FUNCTION reco.stat_stage() IS 'Tells how long lists and the stages of runs took, for the view reco_stat_stage.';
REVOKE ALL ON FUNCTION reco.stat_stage() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_stage AS
	SELECT d.datname AS database, s.metric, s.calls, s.p50_ms, s.p95_ms, s.p99_ms, s.mean_ms, s.max_ms,
		s.keys, s.hits, s.hit_ratio
	FROM reco.stat_stage() AS s JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.database_id
	ORDER BY d.datname, s.nth;
COMMENT ON VIEW @extschema@.reco_stat_stage IS 'Shows, by database, how long the lists of reco_generate took (metric total) and the stages of the runs that made them; times in milliseconds, right within a fifth.';
COMMENT ON COLUMN @extschema@.reco_stat_stage.metric IS 'Is total, or the name of a stage as in reco_explain.';
COMMENT ON COLUMN @extschema@.reco_stat_stage.calls IS 'Counts lists for total, for a stage the runs that came to it.';
COMMENT ON COLUMN @extschema@.reco_stat_stage.p50_ms IS 'Is the median, of a stage with the time that the run waited for it.';
COMMENT ON COLUMN @extschema@.reco_stat_stage.keys IS 'Counts the keys that a stage asked for; NULL for total.';
COMMENT ON COLUMN @extschema@.reco_stat_stage.hits IS 'Counts for total the lists that no run was needed for, as they were kept or another session had just made them; for a stage the keys that were known before.';
COMMENT ON COLUMN @extschema@.reco_stat_stage.hit_ratio IS 'Is their share, of calls for total, of keys for a stage.';
REVOKE ALL ON @extschema@.reco_stat_stage FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_stat_reset() RETURNS void
AS 'MODULE_PATHNAME', 'reco_stat_reset' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_stat_reset() IS 'Sets the figures of reco_stat_upstream, reco_stat_stage and reco_cache_stats to 0; limits, breakers and what was learned stay.';
REVOKE ALL ON FUNCTION @extschema@.reco_stat_reset() FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_doctor(
	deadline interval DEFAULT '10 seconds',
	OUT "check" text,
	OUT status text,
	OUT detail text,
	OUT hint text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_doctor' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20 COST 1000;
COMMENT ON FUNCTION @extschema@.reco_doctor(interval) IS
	'Says what is wrong (status ok, warning or error) and the command that mends it; asks each server one small question.';
REVOKE ALL ON FUNCTION @extschema@.reco_doctor(interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION reco.stat_upstream(), reco.stat_worker(), reco.stat_gateway(), reco.stat_cache(),
	reco.stat_id_registry(), reco.stat_deny_list(), reco.stat_memory(), reco.stat_stage() TO pg_monitor;
GRANT SELECT ON @extschema@.reco_stat_upstream, @extschema@.reco_stat_worker, @extschema@.reco_stat_gateway,
	@extschema@.reco_cache_stats, @extschema@.reco_id_registry_stats, @extschema@.reco_deny_list,
	@extschema@.reco_snapshot_stats, @extschema@.reco_learn_stats, @extschema@.reco_stat_memory,
	@extschema@.reco_stat_stage TO pg_monitor;

/* -------------------------------------------------------------------------
 * Runs: what was asked, how the list came about, what it was
 * ------------------------------------------------------------------------- */

CREATE FUNCTION reco.run_lately(
	OUT user_id text,
	OUT run_id bigint,
	OUT role_id oid,
	OUT started timestamptz,
	OUT record jsonb)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_run_lately' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 COST 1000;
COMMENT ON FUNCTION reco.run_lately() IS 'Lists the latest runs from shared memory, for the view reco_run: of one''s own, and for pg_monitor all.';
REVOKE ALL ON FUNCTION reco.run_lately() FROM PUBLIC;

CREATE VIEW @extschema@.reco_run WITH (security_barrier) AS
	SELECT r.run_id, r.started, pg_catalog.pg_get_userbyid(r.role_id) AS role, r.user_id,
		r.record OPERATOR(pg_catalog.->>) 'prompt' AS prompt,
		(r.record OPERATOR(pg_catalog.->>) 'size')::integer AS size,
		r.record OPERATOR(pg_catalog.->) 'options' AS options,
		(r.record OPERATOR(pg_catalog.->>) 'deadline_ms')::integer AS deadline_ms,
		(r.record OPERATOR(pg_catalog.->>) 'total_ms')::double precision AS total_ms,
		(r.record OPERATOR(pg_catalog.->>) 'complete')::boolean AS complete,
		r.record OPERATOR(pg_catalog.->) 'missing' AS missing,
		(r.record OPERATOR(pg_catalog.->>) 'delivered')::integer AS tracks,
		(r.record OPERATOR(pg_catalog.#>>) '{origins,live}')::integer AS live,
		(r.record OPERATOR(pg_catalog.#>>) '{origins,cached}')::integer AS cached,
		(r.record OPERATOR(pg_catalog.#>>) '{origins,stale}')::integer AS stale,
		(r.record OPERATOR(pg_catalog.#>>) '{origins,local}')::integer AS local,
		(r.record OPERATOR(pg_catalog.#>>) '{quality,overall}')::double precision AS quality,
		r.record OPERATOR(pg_catalog.->) 'quality' AS quality_parts,
		(r.record OPERATOR(pg_catalog.->>) 'tier')::integer AS tier,
		r.record OPERATOR(pg_catalog.->) 'guardrails' AS guardrails,
		r.record OPERATOR(pg_catalog.->) 'artifacts' AS artifacts,
		r.record OPERATOR(pg_catalog.->) 'stages' AS stages,
		r.record OPERATOR(pg_catalog.->) 'strategies' AS strategies,
		r.record OPERATOR(pg_catalog.->) 'pruned' AS pruned,
		r.record OPERATOR(pg_catalog.->) 'calls' AS calls
	FROM (
		SELECT t.user_id, t.run_id, t.role_id, t.started, t.record FROM reco.run AS t
		UNION ALL
		SELECT l.user_id, l.run_id, l.role_id, l.started, l.record FROM reco.run_lately() AS l
		WHERE NOT EXISTS (SELECT FROM reco.run AS t
						  WHERE t.user_id OPERATOR(pg_catalog.=) l.user_id AND t.run_id OPERATOR(pg_catalog.=) l.run_id)
	) AS r
	WHERE r.role_id OPERATOR(pg_catalog.=) (SELECT a.oid FROM pg_catalog.pg_roles AS a WHERE a.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
		OR (SELECT pg_catalog.pg_has_role('pg_monitor', 'USAGE'));
COMMENT ON VIEW @extschema@.reco_run IS 'Shows the runs of reco_generate that are on record: those that the role made itself; to pg_monitor all.';
COMMENT ON COLUMN @extschema@.reco_run.run_id IS 'Is the id in the rows of the list; reco_explain_run and reco_run_tracks take it.';
COMMENT ON COLUMN @extschema@.reco_run.role IS 'Names the role that asked.';
COMMENT ON COLUMN @extschema@.reco_run.user_id IS 'Is whom the list was made for; empty = nobody in particular.';
COMMENT ON COLUMN @extschema@.reco_run.prompt IS 'Is what was asked, the first 2000 bytes of it.';
COMMENT ON COLUMN @extschema@.reco_run.size IS 'Is how many tracks were asked for; tracks: how many there were.';
COMMENT ON COLUMN @extschema@.reco_run.options IS 'Holds the options that were not at their default.';
COMMENT ON COLUMN @extschema@.reco_run.complete IS 'Says that nothing was left out that the list rests on; a run that says no can be completed later, and missing tells what it lacked.';
COMMENT ON COLUMN @extschema@.reco_run.live IS 'Counts the tracks of origin live; the columns after it count the other origins.';
COMMENT ON COLUMN @extschema@.reco_run.quality IS 'Is how good the list is, 0..1; quality_parts tells what that rests on.';
COMMENT ON COLUMN @extschema@.reco_run.tier IS 'Is the fallback tier that a recommendation of a service came to, 0 = as asked for, 5 = the embedded engine alone; NULL = none was asked for.';
COMMENT ON COLUMN @extschema@.reco_run.guardrails IS 'Lists what was wrong with requests for recommendations, and mended.';
COMMENT ON COLUMN @extschema@.reco_run.artifacts IS 'Says by what the mood differs from that of the listener''s last run (null: there was none to reuse), and how long ago that was.';
COMMENT ON COLUMN @extschema@.reco_run.stages IS 'Holds of each stage when it began and how long it took, in milliseconds, what went in and what came out, and how many keys were asked for or reused.';
COMMENT ON COLUMN @extschema@.reco_run.strategies IS 'Holds how many candidates each strategy found, and how many of them are in the list.';
COMMENT ON COLUMN @extschema@.reco_run.pruned IS 'Counts the candidates that each rule of the list left out.';
COMMENT ON COLUMN @extschema@.reco_run.calls IS 'Holds of each kind of question how often it was asked, for how many keys, how many of these a service answered (live) or had answered (cached), and the time in milliseconds.';
REVOKE ALL ON @extschema@.reco_run FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_explain_run(run_id bigint)
RETURNS SETOF text
AS 'MODULE_PATHNAME', 'reco_explain_run' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 60 COST 1000;
COMMENT ON FUNCTION @extschema@.reco_explain_run(bigint) IS
	'Tells how a run of reco_generate went, as reco_explain does, from its record: of one''s own runs, and for pg_monitor of all.';
REVOKE ALL ON FUNCTION @extschema@.reco_explain_run(bigint) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_run_tracks(
	run_id bigint,
	OUT rank integer,
	OUT track_id text,
	OUT title text,
	OUT artist text,
	OUT album text,
	OUT score real,
	OUT strategy text,
	OUT origin text,
	OUT reason text,
	OUT run_id bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_run_tracks' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 20 COST 1000;
COMMENT ON FUNCTION @extschema@.reco_run_tracks(bigint) IS
	'Gives the list that a run of reco_generate made once more, from its record: of one''s own runs, and for pg_monitor of all.';
REVOKE ALL ON FUNCTION @extschema@.reco_run_tracks(bigint) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION reco.run_lately(), @extschema@.reco_explain_run(bigint), @extschema@.reco_run_tracks(bigint) TO pg_monitor;
GRANT SELECT ON @extschema@.reco_run TO pg_monitor;

/* -------------------------------------------------------------------------
 * Jobs: queued work
 * ------------------------------------------------------------------------- */

CREATE FUNCTION @extschema@.reco_generate_async(
	user_id text,
	prompt text,
	size integer DEFAULT 20,
	deadline interval DEFAULT NULL,
	options jsonb DEFAULT '{}')
RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_generate_async' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_generate_async(text, text, integer, interval, jsonb) IS
	'Queues what reco_generate does, for a job worker, and returns the id of the job: reco_job() tells how far it is, NOTIFY reco_progress too. The same question that is still open is not queued twice.';
REVOKE ALL ON FUNCTION @extschema@.reco_generate_async(text, text, integer, interval, jsonb) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_prefetch(user_id text) RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_prefetch' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_prefetch(text) IS
	'Queues, for a job worker, what the next list for a listener will ask services first: what is played, features and ids of that. Returns the id of the job; NULL, with a NOTICE, where nothing would come of it, and beyond 5 times a minute for a listener.';
REVOKE ALL ON FUNCTION @extschema@.reco_prefetch(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_job(
	job_id bigint,
	OUT kind text,
	OUT user_id text,
	OUT state text,
	OUT stage text,
	OUT percent integer,
	OUT run_id bigint,
	OUT error text,
	OUT attempts integer,
	OUT created timestamptz,
	OUT run_after timestamptz,
	OUT started timestamptz,
	OUT finished timestamptz)
AS 'MODULE_PATHNAME', 'reco_job' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_job(bigint) IS
	'Tells how a job stands: queued, running, done, failed or cancelled; reco_run_tracks(run_id) gives the list of one that is done. For the role that queued it and its members, and for pg_monitor.';
REVOKE ALL ON FUNCTION @extschema@.reco_job(bigint) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_job_cancel(job_id bigint) RETURNS boolean
AS 'MODULE_PATHNAME', 'reco_job_cancel' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_job_cancel(bigint) IS
	'Cancels a job that is queued or running; false = it had ended. For the role that queued it and its members.';
REVOKE ALL ON FUNCTION @extschema@.reco_job_cancel(bigint) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_warm_popular_moods(
	prompt text DEFAULT NULL,
	most integer DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'reco_warm_popular_moods' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_warm_popular_moods(text, integer) IS
	'Queues a job for each popular mood whose candidates are not at hand or should be made again, at most so many, and returns how many; with a prompt, for that mood in any case. From then on the keeper has them made again in time.';
REVOKE ALL ON FUNCTION @extschema@.reco_warm_popular_moods(text, integer) FROM PUBLIC;

CREATE FUNCTION reco.stat_wish(
	OUT kind text,
	OUT wished bigint,
	OUT dropped bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_wish' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 3;
COMMENT ON FUNCTION reco.stat_wish() IS 'Counts jobs that sessions wished for, for the view reco_stat_job.';
REVOKE ALL ON FUNCTION reco.stat_wish() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_job AS
	SELECT coalesce(j.kind, w.kind) AS kind, coalesce(j.queued, 0) AS queued, coalesce(j.running, 0) AS running,
		coalesce(j.done, 0) AS done, coalesce(j.failed, 0) AS failed, coalesce(j.cancelled, 0) AS cancelled,
		coalesce(j.retried, 0) AS retried, j.wait_p50_ms, j.wait_p95_ms, j.run_p50_ms, j.run_p95_ms, j.oldest,
		w.wished, w.dropped
	FROM (
		SELECT j.kind,
			pg_catalog.count(*) FILTER (WHERE j.state OPERATOR(pg_catalog.=) 'queued') AS queued,
			pg_catalog.count(*) FILTER (WHERE j.state OPERATOR(pg_catalog.=) 'running') AS running,
			pg_catalog.count(*) FILTER (WHERE j.state OPERATOR(pg_catalog.=) 'done') AS done,
			pg_catalog.count(*) FILTER (WHERE j.state OPERATOR(pg_catalog.=) 'failed') AS failed,
			pg_catalog.count(*) FILTER (WHERE j.state OPERATOR(pg_catalog.=) 'cancelled') AS cancelled,
			coalesce(pg_catalog.sum(GREATEST(j.attempts OPERATOR(pg_catalog.-) 1, 0)), 0)::bigint AS retried,
			1000 OPERATOR(pg_catalog.*) pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY pg_catalog.date_part('epoch', j.started OPERATOR(pg_catalog.-) j.run_after)) AS wait_p50_ms,
			1000 OPERATOR(pg_catalog.*) pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY pg_catalog.date_part('epoch', j.started OPERATOR(pg_catalog.-) j.run_after)) AS wait_p95_ms,
			1000 OPERATOR(pg_catalog.*) pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY pg_catalog.date_part('epoch', j.finished OPERATOR(pg_catalog.-) j.started)) AS run_p50_ms,
			1000 OPERATOR(pg_catalog.*) pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY pg_catalog.date_part('epoch', j.finished OPERATOR(pg_catalog.-) j.started)) AS run_p95_ms,
			pg_catalog.min(j.run_after) FILTER (WHERE j.state OPERATOR(pg_catalog.=) 'queued') AS oldest
		FROM reco.job AS j
		GROUP BY j.kind
	) AS j
	FULL JOIN reco.stat_wish() AS w ON w.kind OPERATOR(pg_catalog.=) j.kind;
COMMENT ON VIEW @extschema@.reco_stat_job IS 'Shows per kind how many jobs are queued, running or on record, and how long they waited and ran.';
COMMENT ON COLUMN @extschema@.reco_stat_job.done IS 'Counts jobs that are still on record, see reco.job_history; likewise failed and cancelled.';
COMMENT ON COLUMN @extschema@.reco_stat_job.retried IS 'Counts how often they were begun again, after an error or when their worker died.';
COMMENT ON COLUMN @extschema@.reco_stat_job.wait_p50_ms IS 'Is from when a job might be claimed to when it was.';
COMMENT ON COLUMN @extschema@.reco_stat_job.wished IS 'Counts since the server started how often sessions wished for such a job, whose list was cut, old or lacked facts; NULL where that is not how they come.';
COMMENT ON COLUMN @extschema@.reco_stat_job.dropped IS 'Counts wishes for which there was no room, or too many jobs before them.';
COMMENT ON COLUMN @extschema@.reco_stat_job.oldest IS 'Is when the job that waits longest might have been claimed, or may be.';
REVOKE ALL ON @extschema@.reco_stat_job FROM PUBLIC;

GRANT EXECUTE ON FUNCTION @extschema@.reco_job(bigint), reco.stat_wish() TO pg_monitor;
GRANT SELECT ON @extschema@.reco_stat_job TO pg_monitor;

CREATE FUNCTION @extschema@.reco_prewarm(at timestamptz DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'reco_prewarm' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.reco_prewarm(timestamptz) IS
	'Predicts what is asked in an hour, the next full one or the one that begins at a time, and queues as many of these lists as reco.prewarm_budget allows; returns how many. Notes besides which earlier predictions came true.';
REVOKE ALL ON FUNCTION @extschema@.reco_prewarm(timestamptz) FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_prewarm AS
	WITH one AS (
		SELECT h.hour, h.budget, h.hit_ms, h.judged IS NOT NULL AS judged,
			p.key, p.asked, p.hit, p.job_id, p.run_id, p.calls, p.cold_ms, 0 AS asks, 0 AS foreseen, 0 AS of_hour
		FROM reco.prewarm_hour AS h JOIN reco.prewarm AS p ON p.hour OPERATOR(pg_catalog.=) h.hour
		UNION ALL
		SELECT h.hour, h.budget, h.hit_ms, h.judged IS NOT NULL,
			NULL, NULL, NULL, NULL, NULL, NULL, NULL, h.asked, h.foreseen, h.budget
		FROM reco.prewarm_hour AS h
	), summed AS (
		SELECT o.hour,
			pg_catalog.sum(o.of_hour)::bigint AS budget,
			coalesce(pg_catalog.sum(o.calls) FILTER (WHERE o.job_id IS NOT NULL), 0)::bigint AS calls,
			pg_catalog.count(o.key) AS predicted,
			pg_catalog.count(o.job_id) AS queued,
			pg_catalog.count(o.run_id) AS made,
			pg_catalog.count(o.key) FILTER (WHERE o.judged) AS looked_at,
			pg_catalog.count(*) FILTER (WHERE o.asked) AS came,
			pg_catalog.sum(o.asks)::bigint AS asked,
			pg_catalog.sum(o.foreseen)::bigint AS foreseen,
			pg_catalog.count(*) FILTER (WHERE o.hit) AS hits,
			pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY o.cold_ms) FILTER (WHERE o.hit) AS cold_p50_ms,
			pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY o.hit_ms) FILTER (WHERE o.hit) AS hit_p50_ms,
			pg_catalog.sum(GREATEST(o.cold_ms OPERATOR(pg_catalog.-) o.hit_ms, 0)) FILTER (WHERE o.hit) AS saved_ms
		FROM one AS o
		GROUP BY GROUPING SETS ((o.hour), ())
	)
	SELECT s.hour, s.budget, s.calls, s.predicted, s.queued, s.made, s.came,
		s.came::double precision OPERATOR(pg_catalog./) NULLIF(s.looked_at, 0) AS precision,
		s.asked, s.foreseen,
		s.foreseen::double precision OPERATOR(pg_catalog./) NULLIF(s.asked, 0) AS recall,
		s.hits, s.cold_p50_ms, s.hit_p50_ms, coalesce(s.saved_ms, 0) AS saved_ms
	FROM summed AS s
	ORDER BY s.hour;
COMMENT ON VIEW @extschema@.reco_stat_prewarm IS 'Shows what reco_prewarm() predicted for each hour, how much of it was really asked, and what it cost and saved; the row without an hour is all of them. The next call of reco_prewarm() brings it up to date.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.budget IS 'Is reco.prewarm_budget as it was; calls: how many of these were spent, or are promised.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.predicted IS 'Counts predictions: questions of listeners, and listeners; queued: those for which there was a job; made: lists.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.came IS 'Counts the predictions that came true.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.precision IS 'Is their share.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.asked IS 'Counts what was asked, each question of a listener once an hour; foreseen: what of it had been predicted.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.recall IS 'Is the share of that.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.hits IS 'Counts the lists made ahead that were given.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.cold_p50_ms IS 'Is the median of what such a question took before, of those that were given; hit_p50_ms: of a list that is kept.';
COMMENT ON COLUMN @extschema@.reco_stat_prewarm.saved_ms IS 'Adds up what each of them saved whoever asked first.';
REVOKE ALL ON @extschema@.reco_stat_prewarm FROM PUBLIC;
GRANT SELECT ON @extschema@.reco_stat_prewarm TO pg_monitor;

/* -------------------------------------------------------------------------
 * Chores: what is done again and again, by pg_cron or by the keeper
 * ------------------------------------------------------------------------- */

CREATE FUNCTION @extschema@.reco_expire() RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_expire' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_expire() IS
	'Deletes what has expired of reco.cache, reco.id_registry and reco.deny_list, and what is beyond the limits of reco.cache_policy; returns how many rows. The keeper does it as it goes.';
REVOKE ALL ON FUNCTION @extschema@.reco_expire() FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_snapshot() RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_snapshot' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_snapshot() IS
	'Copies what has changed of reco.cache, reco.id_registry and reco.deny_list to reco.snapshot now; returns how many chunks. The keeper does it every reco.snapshot_interval.';
REVOKE ALL ON FUNCTION @extschema@.reco_snapshot() FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_trim_history() RETURNS bigint
AS 'MODULE_PATHNAME', 'reco_trim_history' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_trim_history() IS
	'Deletes records of runs and jobs that ended, beyond reco.run_history, reco.job_history and their ages; returns how many. Keeper and job workers do it as they go.';
REVOKE ALL ON FUNCTION @extschema@.reco_trim_history() FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_reprobe() RETURNS integer
AS 'MODULE_PATHNAME', 'reco_reprobe' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_reprobe() IS
	'Forgets what services were found to refuse (closed endpoints, parameters, sizes), so that the next question tries it anew; returns of how many upstreams something was forgotten. Limits, quotas and breakers stay.';
REVOKE ALL ON FUNCTION @extschema@.reco_reprobe() FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_reindex_advice(
	wasted bigint DEFAULT 8388608,
	OUT index regclass,
	OUT problem text,
	OUT bytes bigint,
	OUT wasted_bytes bigint,
	OUT statement text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_reindex_advice' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 5;
COMMENT ON FUNCTION @extschema@.reco_reindex_advice(bigint) IS
	'Lists indexes of reco''s tables that are invalid, or more than twice as large as their rows need and waste so many bytes, with the statement that mends it. An estimate from the statistics of the last VACUUM and ANALYZE; changes and locks nothing.';
REVOKE ALL ON FUNCTION @extschema@.reco_reindex_advice(bigint) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_chore(chore text) RETURNS text
AS 'MODULE_PATHNAME', 'reco_chore' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.reco_chore(text) IS
	'Does a chore now, with the rights of the caller, notes in reco_stat_chore how it went, and returns what its function returned; jobs of pg_cron call it. Waits while somebody else is at the same chore.';
REVOKE ALL ON FUNCTION @extschema@.reco_chore(text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_schedule(
	warm text DEFAULT '13,43 * * * *',
	prewarm text DEFAULT '37 * * * *',
	learn text DEFAULT '23 4 * * *',
	expire text DEFAULT NULL,
	snapshot text DEFAULT NULL,
	history text DEFAULT NULL,
	reprobe text DEFAULT '9 5 * * *',
	reindex text DEFAULT '52 5 * * 0',
	OUT chore text,
	OUT schedule text,
	OUT command text,
	OUT jobid bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_schedule' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 8 COST 1000;
COMMENT ON FUNCTION @extschema@.reco_schedule(text, text, text, text, text, text, text, text) IS
	'Registers chores with pg_cron, to run as the calling role, and says what it registered; the keeper''s timer leaves them alone from then on. NULL = that chore stays as it is.';
REVOKE ALL ON FUNCTION @extschema@.reco_schedule(text, text, text, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.reco_unschedule(
	INOUT chore text DEFAULT NULL,
	OUT schedule text,
	OUT command text,
	OUT jobid bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_unschedule' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 8 COST 1000;
COMMENT ON FUNCTION @extschema@.reco_unschedule(text) IS
	'Takes a chore from pg_cron (NULL = all of them) and says what it took; the keeper''s timer does it from then on.';
REVOKE ALL ON FUNCTION @extschema@.reco_unschedule(text) FROM PUBLIC;

CREATE FUNCTION reco.stat_chore(
	OUT chore text,
	OUT function text,
	OUT done_by text,
	OUT schedule text,
	OUT every interval,
	OUT jobid bigint,
	OUT last_run timestamptz,
	OUT last_done timestamptz,
	OUT last_by text,
	OUT took_ms double precision,
	OUT ended text,
	OUT result text,
	OUT error text,
	OUT runs bigint,
	OUT failures bigint,
	OUT next_run timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'reco_stat_chore' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 8;
COMMENT ON FUNCTION reco.stat_chore() IS 'Serves the view reco_stat_chore.';
REVOKE ALL ON FUNCTION reco.stat_chore() FROM PUBLIC;

CREATE VIEW @extschema@.reco_stat_chore AS SELECT * FROM reco.stat_chore();
COMMENT ON VIEW @extschema@.reco_stat_chore IS 'Shows each chore of this database: who does it and when, and how it went last.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.chore IS 'Names it, as the arguments of reco_schedule() do.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.function IS 'Is what does it; it can be called by hand, by itself or through reco_chore().';
COMMENT ON COLUMN @extschema@.reco_stat_chore.done_by IS 'Says whose it is: pg_cron, keeper; NULL = nobody''s.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.schedule IS 'Is when pg_cron does it.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.every IS 'Is how often the keeper does it.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.jobid IS 'Is pg_cron''s number of the job.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.last_run IS 'Is when the last run began, or failed.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.last_done IS 'Is when the last run began that did not fail.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.last_by IS 'Says who did it last: pg_cron, keeper, hand.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.ended IS 'Says how it ended: done, failed.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.result IS 'Is what its function returned, or how many rows; unchanged = there was nothing to do.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.error IS 'Is what the last failure said.';
COMMENT ON COLUMN @extschema@.reco_stat_chore.next_run IS 'Is when the keeper does it next: after a failure soon, then later and later; NULL where pg_cron does.';
REVOKE ALL ON @extschema@.reco_stat_chore FROM PUBLIC;

GRANT EXECUTE ON FUNCTION reco.stat_chore() TO pg_monitor;
GRANT SELECT ON @extschema@.reco_stat_chore TO pg_monitor;

/* -------------------------------------------------------------------------
 * Rows that ship with the extension: what common words mean
 * ------------------------------------------------------------------------- */

INSERT INTO reco.mood_term (term, source, targets) VALUES
	('indie', 'builtin', '{"acousticness": {"min": 0.6, "max": 1, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.6, "weight": 0.7}, "popularity": {"min": 0, "max": 40, "weight": 0.8}, "loudness": {"min": -20, "max": -5, "weight": 0.3}, "instrumentalness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('alternative', 'builtin', '{"acousticness": {"min": 0.6, "max": 1, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.6, "weight": 0.7}, "popularity": {"min": 0, "max": 40, "weight": 0.8}, "loudness": {"min": -20, "max": -5, "weight": 0.3}, "instrumentalness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('underground', 'builtin', '{"acousticness": {"min": 0.6, "max": 1, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.6, "weight": 0.7}, "popularity": {"min": 0, "max": 40, "weight": 0.8}, "loudness": {"min": -20, "max": -5, "weight": 0.3}, "instrumentalness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('independent', 'builtin', '{"acousticness": {"min": 0.6, "max": 1, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.6, "weight": 0.7}, "popularity": {"min": 0, "max": 40, "weight": 0.8}, "loudness": {"min": -20, "max": -5, "weight": 0.3}, "instrumentalness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('party', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "danceability": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.6, "max": 1, "weight": 0.8}, "tempo": {"min": 110, "max": 140, "weight": 0.4}, "loudness": {"min": -10, "max": -2, "weight": 0.3}}'),
	('celebration', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "danceability": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.6, "max": 1, "weight": 0.8}, "tempo": {"min": 110, "max": 140, "weight": 0.4}, "loudness": {"min": -10, "max": -2, "weight": 0.3}}'),
	('dance', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "danceability": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.6, "max": 1, "weight": 0.8}, "tempo": {"min": 110, "max": 140, "weight": 0.4}, "loudness": {"min": -10, "max": -2, "weight": 0.3}}'),
	('club', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "danceability": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.6, "max": 1, "weight": 0.8}, "tempo": {"min": 110, "max": 140, "weight": 0.4}, "loudness": {"min": -10, "max": -2, "weight": 0.3}}'),
	('energetic', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "danceability": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.6, "max": 1, "weight": 0.8}, "tempo": {"min": 110, "max": 140, "weight": 0.4}, "loudness": {"min": -10, "max": -2, "weight": 0.3}}'),
	('chill', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.8}, "valence": {"min": 0.4, "max": 0.8, "weight": 0.5}, "tempo": {"min": 60, "max": 100, "weight": 0.7}, "loudness": {"min": -25, "max": -10, "weight": 0.3}}'),
	('relaxed', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.8}, "valence": {"min": 0.4, "max": 0.8, "weight": 0.5}, "tempo": {"min": 60, "max": 100, "weight": 0.7}, "loudness": {"min": -25, "max": -10, "weight": 0.3}}'),
	('calm', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.8}, "valence": {"min": 0.4, "max": 0.8, "weight": 0.5}, "tempo": {"min": 60, "max": 100, "weight": 0.7}, "loudness": {"min": -25, "max": -10, "weight": 0.3}}'),
	('peaceful', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.8}, "valence": {"min": 0.4, "max": 0.8, "weight": 0.5}, "tempo": {"min": 60, "max": 100, "weight": 0.7}, "loudness": {"min": -25, "max": -10, "weight": 0.3}}'),
	('mellow', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.8}, "valence": {"min": 0.4, "max": 0.8, "weight": 0.5}, "tempo": {"min": 60, "max": 100, "weight": 0.7}, "loudness": {"min": -25, "max": -10, "weight": 0.3}}'),
	('focus', 'builtin', '{"instrumentalness": {"min": 0.7, "max": 1, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.4, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.2, "weight": 0.8}, "tempo": {"min": 50, "max": 90, "weight": 0.4}}'),
	('concentration', 'builtin', '{"instrumentalness": {"min": 0.7, "max": 1, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.4, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.2, "weight": 0.8}, "tempo": {"min": 50, "max": 90, "weight": 0.4}}'),
	('study', 'builtin', '{"instrumentalness": {"min": 0.7, "max": 1, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.4, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.2, "weight": 0.8}, "tempo": {"min": 50, "max": 90, "weight": 0.4}}'),
	('instrumental', 'builtin', '{"instrumentalness": {"min": 0.7, "max": 1, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.4, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.2, "weight": 0.8}, "tempo": {"min": 50, "max": 90, "weight": 0.4}}'),
	('ambient', 'builtin', '{"instrumentalness": {"min": 0.7, "max": 1, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.4, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.2, "weight": 0.8}, "tempo": {"min": 50, "max": 90, "weight": 0.4}}'),
	('emotional', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.5, "weight": 0.6}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.8}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.7}, "tempo": {"min": 60, "max": 110, "weight": 0.4}}'),
	('sad', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.5, "weight": 0.6}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.8}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.7}, "tempo": {"min": 60, "max": 110, "weight": 0.4}}'),
	('melancholy', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.5, "weight": 0.6}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.8}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.7}, "tempo": {"min": 60, "max": 110, "weight": 0.4}}'),
	('deep', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.5, "weight": 0.6}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.8}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.7}, "tempo": {"min": 60, "max": 110, "weight": 0.4}}'),
	('sentimental', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}, "energy": {"min": 0.1, "max": 0.5, "weight": 0.6}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.8}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.7}, "tempo": {"min": 60, "max": 110, "weight": 0.4}}'),
	('upbeat', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.5, "max": 1, "weight": 0.6}}'),
	('exciting', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.5, "max": 1, "weight": 0.6}}'),
	('workout', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.5, "max": 1, "weight": 0.6}}'),
	('intense', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.5, "max": 1, "weight": 0.6}}'),
	('powerful', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.5, "max": 1, "weight": 0.6}}'),
	('hype', 'builtin', '{"energy": {"min": 0.7, "max": 1, "weight": 0.9}, "valence": {"min": 0.5, "max": 1, "weight": 0.6}}'),
	('sleepy', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('soft', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('gentle', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('laid back', 'builtin', '{"energy": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('happy', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('joyful', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('cheerful', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('uplifting', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('fun', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('bright', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('depressed', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('dark', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('moody', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('bittersweet', 'builtin', '{"valence": {"min": 0, "max": 0.4, "weight": 0.9}}'),
	('dancing', 'builtin', '{"danceability": {"min": 0.6, "max": 1, "weight": 0.9}}'),
	('groove', 'builtin', '{"danceability": {"min": 0.6, "max": 1, "weight": 0.9}}'),
	('rhythm', 'builtin', '{"danceability": {"min": 0.6, "max": 1, "weight": 0.9}}'),
	('acoustic', 'builtin', '{"acousticness": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('unplugged', 'builtin', '{"acousticness": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('organic', 'builtin', '{"acousticness": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('folk', 'builtin', '{"acousticness": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('singer songwriter', 'builtin', '{"acousticness": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('background', 'builtin', '{"instrumentalness": {"min": 0.7, "max": 1, "weight": 0.9}}'),
	('live', 'builtin', '{"liveness": {"min": 0.6, "max": 1, "weight": 0.8}}'),
	('concert', 'builtin', '{"liveness": {"min": 0.6, "max": 1, "weight": 0.8}}'),
	('performance', 'builtin', '{"liveness": {"min": 0.6, "max": 1, "weight": 0.8}}'),
	('audience', 'builtin', '{"liveness": {"min": 0.6, "max": 1, "weight": 0.8}}'),
	('podcast', 'builtin', '{"speechiness": {"min": 0.5, "max": 1, "weight": 0.8}}'),
	('talk', 'builtin', '{"speechiness": {"min": 0.5, "max": 1, "weight": 0.8}}'),
	('spoken', 'builtin', '{"speechiness": {"min": 0.5, "max": 1, "weight": 0.8}}'),
	('narrative', 'builtin', '{"speechiness": {"min": 0.5, "max": 1, "weight": 0.8}}'),
	('story', 'builtin', '{"speechiness": {"min": 0.5, "max": 1, "weight": 0.8}}'),
	('vocals', 'builtin', '{"instrumentalness": {"min": 0, "max": 0.15, "weight": 0.9}}'),
	('lyrics', 'builtin', '{"instrumentalness": {"min": 0, "max": 0.15, "weight": 0.9}}'),
	('singing', 'builtin', '{"instrumentalness": {"min": 0, "max": 0.15, "weight": 0.9}}'),
	('voices', 'builtin', '{"instrumentalness": {"min": 0, "max": 0.15, "weight": 0.9}}'),
	('sung', 'builtin', '{"instrumentalness": {"min": 0, "max": 0.15, "weight": 0.9}}'),
	('loud', 'builtin', '{"loudness": {"min": -6, "max": 0, "weight": 0.8}, "energy": {"min": 0.75, "max": 1, "weight": 0.8}}'),
	('heavy', 'builtin', '{"loudness": {"min": -6, "max": 0, "weight": 0.8}, "energy": {"min": 0.75, "max": 1, "weight": 0.8}}'),
	('distorted', 'builtin', '{"loudness": {"min": -6, "max": 0, "weight": 0.8}, "energy": {"min": 0.75, "max": 1, "weight": 0.8}}'),
	('quiet', 'builtin', '{"loudness": {"min": -25, "max": -11, "weight": 0.8}, "energy": {"min": 0, "max": 0.35, "weight": 0.8}}'),
	('hushed', 'builtin', '{"loudness": {"min": -25, "max": -11, "weight": 0.8}, "energy": {"min": 0, "max": 0.35, "weight": 0.8}}'),
	('whispered', 'builtin', '{"loudness": {"min": -25, "max": -11, "weight": 0.8}, "energy": {"min": 0, "max": 0.35, "weight": 0.8}}'),
	('fast', 'builtin', '{"tempo": {"min": 130, "max": 180, "weight": 0.9}, "energy": {"min": 0.6, "max": 1, "weight": 0.5}}'),
	('faster', 'builtin', '{"tempo": {"min": 130, "max": 180, "weight": 0.9}, "energy": {"min": 0.6, "max": 1, "weight": 0.5}}'),
	('driving', 'builtin', '{"tempo": {"min": 130, "max": 180, "weight": 0.9}, "energy": {"min": 0.55, "max": 0.9, "weight": 0.6}, "valence": {"min": 0.4, "max": 0.9, "weight": 0.4}, "danceability": {"min": 0.45, "max": 0.8, "weight": 0.2}}'),
	('slow', 'builtin', '{"tempo": {"min": 55, "max": 92, "weight": 0.9}, "energy": {"min": 0, "max": 0.5, "weight": 0.4}}'),
	('slower', 'builtin', '{"tempo": {"min": 55, "max": 92, "weight": 0.9}, "energy": {"min": 0, "max": 0.5, "weight": 0.4}}'),
	('running', 'builtin', '{"tempo": {"min": 140, "max": 180, "weight": 0.7}, "energy": {"min": 0.7, "max": 1, "weight": 0.8}}'),
	('jogging', 'builtin', '{"tempo": {"min": 140, "max": 180, "weight": 0.7}, "energy": {"min": 0.7, "max": 1, "weight": 0.8}}'),
	('cardio', 'builtin', '{"tempo": {"min": 140, "max": 180, "weight": 0.7}, "energy": {"min": 0.7, "max": 1, "weight": 0.8}}'),
	('gym', 'builtin', '{"energy": {"min": 0.78, "max": 1, "weight": 0.9}, "tempo": {"min": 110, "max": 160, "weight": 0.4}, "loudness": {"min": -8, "max": -2, "weight": 0.4}}'),
	('lifting', 'builtin', '{"energy": {"min": 0.78, "max": 1, "weight": 0.9}, "tempo": {"min": 110, "max": 160, "weight": 0.4}, "loudness": {"min": -8, "max": -2, "weight": 0.4}}'),
	('weights', 'builtin', '{"energy": {"min": 0.78, "max": 1, "weight": 0.9}, "tempo": {"min": 110, "max": 160, "weight": 0.4}, "loudness": {"min": -8, "max": -2, "weight": 0.4}}'),
	('pump', 'builtin', '{"energy": {"min": 0.78, "max": 1, "weight": 0.9}, "tempo": {"min": 110, "max": 160, "weight": 0.4}, "loudness": {"min": -8, "max": -2, "weight": 0.4}}'),
	('crossfit', 'builtin', '{"energy": {"min": 0.78, "max": 1, "weight": 0.9}, "tempo": {"min": 110, "max": 160, "weight": 0.4}, "loudness": {"min": -8, "max": -2, "weight": 0.4}}'),
	('fitness', 'builtin', '{"energy": {"min": 0.78, "max": 1, "weight": 0.9}, "tempo": {"min": 110, "max": 160, "weight": 0.4}, "loudness": {"min": -8, "max": -2, "weight": 0.4}}'),
	('sleep', 'builtin', '{"energy": {"min": 0, "max": 0.25, "weight": 0.9}, "acousticness": {"min": 0.6, "max": 1, "weight": 0.7}, "loudness": {"min": -30, "max": -12, "weight": 0.5}, "tempo": {"min": 50, "max": 90, "weight": 0.5}}'),
	('asleep', 'builtin', '{"energy": {"min": 0, "max": 0.25, "weight": 0.9}, "acousticness": {"min": 0.6, "max": 1, "weight": 0.7}, "loudness": {"min": -30, "max": -12, "weight": 0.5}, "tempo": {"min": 50, "max": 90, "weight": 0.5}}'),
	('lullaby', 'builtin', '{"energy": {"min": 0, "max": 0.25, "weight": 0.9}, "acousticness": {"min": 0.6, "max": 1, "weight": 0.7}, "loudness": {"min": -30, "max": -12, "weight": 0.5}, "tempo": {"min": 50, "max": 90, "weight": 0.5}}'),
	('bedtime', 'builtin', '{"energy": {"min": 0, "max": 0.25, "weight": 0.9}, "acousticness": {"min": 0.6, "max": 1, "weight": 0.7}, "loudness": {"min": -30, "max": -12, "weight": 0.5}, "tempo": {"min": 50, "max": 90, "weight": 0.5}}'),
	('night time', 'builtin', '{"energy": {"min": 0, "max": 0.25, "weight": 0.9}, "acousticness": {"min": 0.6, "max": 1, "weight": 0.7}, "loudness": {"min": -30, "max": -12, "weight": 0.5}, "tempo": {"min": 50, "max": 90, "weight": 0.5}}'),
	('meditation', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('meditate', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('yoga', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('stretching', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('breathing', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('spa', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('zen', 'builtin', '{"energy": {"min": 0, "max": 0.3, "weight": 0.9}, "instrumentalness": {"min": 0.5, "max": 1, "weight": 0.7}, "acousticness": {"min": 0.5, "max": 1, "weight": 0.6}, "tempo": {"min": 50, "max": 95, "weight": 0.4}}'),
	('rain', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}}'),
	('rainy', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}}'),
	('drizzle', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}}'),
	('grey', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}}'),
	('storm', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 1, "weight": 0.6}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}}'),
	('sunny', 'builtin', '{"valence": {"min": 0.6, "max": 1, "weight": 0.8}, "energy": {"min": 0.5, "max": 0.9, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.9, "weight": 0.4}}'),
	('sunshine', 'builtin', '{"valence": {"min": 0.6, "max": 1, "weight": 0.8}, "energy": {"min": 0.5, "max": 0.9, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.9, "weight": 0.4}}'),
	('summer', 'builtin', '{"valence": {"min": 0.6, "max": 1, "weight": 0.8}, "energy": {"min": 0.5, "max": 0.9, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.9, "weight": 0.4}}'),
	('summery', 'builtin', '{"valence": {"min": 0.6, "max": 1, "weight": 0.8}, "energy": {"min": 0.5, "max": 0.9, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.9, "weight": 0.4}}'),
	('beach', 'builtin', '{"valence": {"min": 0.6, "max": 1, "weight": 0.8}, "energy": {"min": 0.5, "max": 0.9, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.9, "weight": 0.4}}'),
	('morning', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "valence": {"min": 0.45, "max": 0.85, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('sunrise', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "valence": {"min": 0.45, "max": 0.85, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('breakfast', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "valence": {"min": 0.45, "max": 0.85, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('wake', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "valence": {"min": 0.45, "max": 0.85, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}}'),
	('coffee', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 0.95, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('cafe', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 0.95, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('bistro', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.7}, "acousticness": {"min": 0.4, "max": 0.95, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('evening', 'builtin', '{"energy": {"min": 0.2, "max": 0.6, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.4}, "loudness": {"min": -16, "max": -7, "weight": 0.3}}'),
	('dusk', 'builtin', '{"energy": {"min": 0.2, "max": 0.6, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.4}, "loudness": {"min": -16, "max": -7, "weight": 0.3}}'),
	('sunset', 'builtin', '{"energy": {"min": 0.2, "max": 0.6, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.4}, "loudness": {"min": -16, "max": -7, "weight": 0.3}}'),
	('balcony', 'builtin', '{"energy": {"min": 0.2, "max": 0.6, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.4}, "loudness": {"min": -16, "max": -7, "weight": 0.3}}'),
	('wine', 'builtin', '{"energy": {"min": 0.2, "max": 0.6, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.4}, "loudness": {"min": -16, "max": -7, "weight": 0.3}}'),
	('dinner', 'builtin', '{"energy": {"min": 0.2, "max": 0.6, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.4}, "loudness": {"min": -16, "max": -7, "weight": 0.3}}'),
	('night', 'builtin', '{"energy": {"min": 0.3, "max": 0.7, "weight": 0.4}, "valence": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('midnight', 'builtin', '{"energy": {"min": 0.3, "max": 0.7, "weight": 0.4}, "valence": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('late', 'builtin', '{"energy": {"min": 0.3, "max": 0.7, "weight": 0.4}, "valence": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('neon', 'builtin', '{"energy": {"min": 0.3, "max": 0.7, "weight": 0.4}, "valence": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('romantic', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.9, "weight": 0.5}, "tempo": {"min": 60, "max": 115, "weight": 0.3}}'),
	('romance', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.9, "weight": 0.5}, "tempo": {"min": 60, "max": 115, "weight": 0.3}}'),
	('love', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.9, "weight": 0.5}, "tempo": {"min": 60, "max": 115, "weight": 0.3}}'),
	('candlelight', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.9, "weight": 0.5}, "tempo": {"min": 60, "max": 115, "weight": 0.3}}'),
	('intimate', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.9, "weight": 0.5}, "tempo": {"min": 60, "max": 115, "weight": 0.3}}'),
	('tender', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.9, "weight": 0.5}, "tempo": {"min": 60, "max": 115, "weight": 0.3}}'),
	('heartbreak', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('heartbroken', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('breakup', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('heartbreaking', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('lonely', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('tears', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('cry', 'builtin', '{"valence": {"min": 0.05, "max": 0.35, "weight": 0.9}, "energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('nostalgic', 'builtin', '{"year": {"min": 1970, "max": 2005, "weight": 0.3}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.3}}'),
	('nostalgia', 'builtin', '{"year": {"min": 1970, "max": 2005, "weight": 0.3}, "valence": {"min": 0.3, "max": 0.7, "weight": 0.3}}'),
	('oldies', 'builtin', '{"year": {"min": 1950, "max": 1979, "weight": 0.8}}'),
	('vintage', 'builtin', '{"year": {"min": 1950, "max": 1979, "weight": 0.8}}'),
	('retro', 'builtin', '{"year": {"min": 1950, "max": 1979, "weight": 0.8}}'),
	('golden', 'builtin', '{"year": {"min": 1950, "max": 1979, "weight": 0.8}}'),
	('classic', 'builtin', '{"year": {"min": 1965, "max": 1995, "weight": 0.5}}'),
	('classics', 'builtin', '{"year": {"min": 1965, "max": 1995, "weight": 0.5}}'),
	('timeless', 'builtin', '{"year": {"min": 1965, "max": 1995, "weight": 0.5}}'),
	('modern', 'builtin', '{"year": {"min": 2016, "max": 2026, "weight": 0.6}}'),
	('recent', 'builtin', '{"year": {"min": 2016, "max": 2026, "weight": 0.6}}'),
	('latest', 'builtin', '{"year": {"min": 2016, "max": 2026, "weight": 0.6}}'),
	('newest', 'builtin', '{"year": {"min": 2016, "max": 2026, "weight": 0.6}}'),
	('hits', 'builtin', '{"popularity": {"min": 65, "max": 100, "weight": 0.8}}'),
	('popular', 'builtin', '{"popularity": {"min": 65, "max": 100, "weight": 0.8}}'),
	('famous', 'builtin', '{"popularity": {"min": 65, "max": 100, "weight": 0.8}}'),
	('chart', 'builtin', '{"popularity": {"min": 65, "max": 100, "weight": 0.8}}'),
	('charts', 'builtin', '{"popularity": {"min": 65, "max": 100, "weight": 0.8}}'),
	('obscure', 'builtin', '{"popularity": {"min": 0, "max": 30, "weight": 0.8}}'),
	('unknown', 'builtin', '{"popularity": {"min": 0, "max": 30, "weight": 0.8}}'),
	('hidden', 'builtin', '{"popularity": {"min": 0, "max": 30, "weight": 0.8}}'),
	('rare', 'builtin', '{"popularity": {"min": 0, "max": 30, "weight": 0.8}}'),
	('undiscovered', 'builtin', '{"popularity": {"min": 0, "max": 30, "weight": 0.8}}'),
	('nobody', 'builtin', '{"popularity": {"min": 0, "max": 30, "weight": 0.8}}'),
	('angry', 'builtin', '{"energy": {"min": 0.8, "max": 1, "weight": 0.9}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}, "loudness": {"min": -7, "max": -1, "weight": 0.4}}'),
	('aggressive', 'builtin', '{"energy": {"min": 0.8, "max": 1, "weight": 0.9}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}, "loudness": {"min": -7, "max": -1, "weight": 0.4}}'),
	('rage', 'builtin', '{"energy": {"min": 0.8, "max": 1, "weight": 0.9}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}, "loudness": {"min": -7, "max": -1, "weight": 0.4}}'),
	('furious', 'builtin', '{"energy": {"min": 0.8, "max": 1, "weight": 0.9}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}, "loudness": {"min": -7, "max": -1, "weight": 0.4}}'),
	('brutal', 'builtin', '{"energy": {"min": 0.8, "max": 1, "weight": 0.9}, "valence": {"min": 0.1, "max": 0.5, "weight": 0.6}, "loudness": {"min": -7, "max": -1, "weight": 0.4}}'),
	('dreamy', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}, "instrumentalness": {"min": 0.1, "max": 0.8, "weight": 0.4}}'),
	('ethereal', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}, "instrumentalness": {"min": 0.1, "max": 0.8, "weight": 0.4}}'),
	('airy', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}, "instrumentalness": {"min": 0.1, "max": 0.8, "weight": 0.4}}'),
	('floating', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}, "instrumentalness": {"min": 0.1, "max": 0.8, "weight": 0.4}}'),
	('hazy', 'builtin', '{"energy": {"min": 0.2, "max": 0.55, "weight": 0.6}, "acousticness": {"min": 0.2, "max": 0.8, "weight": 0.3}, "instrumentalness": {"min": 0.1, "max": 0.8, "weight": 0.4}}'),
	('epic', 'builtin', '{"energy": {"min": 0.4, "max": 0.9, "weight": 0.4}, "instrumentalness": {"min": 0.3, "max": 1, "weight": 0.5}, "loudness": {"min": -14, "max": -5, "weight": 0.2}}'),
	('cinematic', 'builtin', '{"energy": {"min": 0.4, "max": 0.9, "weight": 0.4}, "instrumentalness": {"min": 0.3, "max": 1, "weight": 0.5}, "loudness": {"min": -14, "max": -5, "weight": 0.2}}'),
	('dramatic', 'builtin', '{"energy": {"min": 0.4, "max": 0.9, "weight": 0.4}, "instrumentalness": {"min": 0.3, "max": 1, "weight": 0.5}, "loudness": {"min": -14, "max": -5, "weight": 0.2}}'),
	('grand', 'builtin', '{"energy": {"min": 0.4, "max": 0.9, "weight": 0.4}, "instrumentalness": {"min": 0.3, "max": 1, "weight": 0.5}, "loudness": {"min": -14, "max": -5, "weight": 0.2}}'),
	('cozy', 'builtin', '{"energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.45, "max": 1, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('warm', 'builtin', '{"energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.45, "max": 1, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('cosy', 'builtin', '{"energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.45, "max": 1, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('fireside', 'builtin', '{"energy": {"min": 0.2, "max": 0.5, "weight": 0.6}, "acousticness": {"min": 0.45, "max": 1, "weight": 0.7}, "valence": {"min": 0.35, "max": 0.75, "weight": 0.4}}'),
	('road', 'builtin', '{"energy": {"min": 0.55, "max": 0.9, "weight": 0.6}, "valence": {"min": 0.4, "max": 0.9, "weight": 0.4}, "danceability": {"min": 0.45, "max": 0.8, "weight": 0.2}}'),
	('highway', 'builtin', '{"energy": {"min": 0.55, "max": 0.9, "weight": 0.6}, "valence": {"min": 0.4, "max": 0.9, "weight": 0.4}, "danceability": {"min": 0.45, "max": 0.8, "weight": 0.2}}'),
	('trip', 'builtin', '{"energy": {"min": 0.55, "max": 0.9, "weight": 0.6}, "valence": {"min": 0.4, "max": 0.9, "weight": 0.4}, "danceability": {"min": 0.45, "max": 0.8, "weight": 0.2}}'),
	('gaming', 'builtin', '{"energy": {"min": 0.65, "max": 1, "weight": 0.7}, "instrumentalness": {"min": 0.2, "max": 1, "weight": 0.3}, "tempo": {"min": 110, "max": 170, "weight": 0.3}}'),
	('game', 'builtin', '{"energy": {"min": 0.65, "max": 1, "weight": 0.7}, "instrumentalness": {"min": 0.2, "max": 1, "weight": 0.3}, "tempo": {"min": 110, "max": 170, "weight": 0.3}}'),
	('battle', 'builtin', '{"energy": {"min": 0.65, "max": 1, "weight": 0.7}, "instrumentalness": {"min": 0.2, "max": 1, "weight": 0.3}, "tempo": {"min": 110, "max": 170, "weight": 0.3}}'),
	('work', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('coding', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('code', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('writing', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('reading', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('homework', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('exam', 'builtin', '{"instrumentalness": {"min": 0.4, "max": 1, "weight": 0.6}, "speechiness": {"min": 0, "max": 0.12, "weight": 0.6}, "energy": {"min": 0.15, "max": 0.55, "weight": 0.5}}'),
	('hyper', 'builtin', '{"energy": {"min": 0.85, "max": 1, "weight": 0.9}, "tempo": {"min": 130, "max": 190, "weight": 0.5}}'),
	('frantic', 'builtin', '{"energy": {"min": 0.85, "max": 1, "weight": 0.9}, "tempo": {"min": 130, "max": 190, "weight": 0.5}}'),
	('manic', 'builtin', '{"energy": {"min": 0.85, "max": 1, "weight": 0.9}, "tempo": {"min": 130, "max": 190, "weight": 0.5}}'),
	('silly', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.8}}'),
	('funny', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.8}}'),
	('playful', 'builtin', '{"valence": {"min": 0.7, "max": 1, "weight": 0.8}}'),
	('hopeful', 'builtin', '{"valence": {"min": 0.55, "max": 0.95, "weight": 0.7}, "energy": {"min": 0.5, "max": 0.85, "weight": 0.4}}'),
	('optimistic', 'builtin', '{"valence": {"min": 0.55, "max": 0.95, "weight": 0.7}, "energy": {"min": 0.5, "max": 0.85, "weight": 0.4}}'),
	('inspiring', 'builtin', '{"valence": {"min": 0.55, "max": 0.95, "weight": 0.7}, "energy": {"min": 0.5, "max": 0.85, "weight": 0.4}}'),
	('confident', 'builtin', '{"valence": {"min": 0.55, "max": 0.95, "weight": 0.7}, "energy": {"min": 0.5, "max": 0.85, "weight": 0.4}}'),
	('feel good', 'builtin', '{"valence": {"min": 0.55, "max": 0.95, "weight": 0.7}, "energy": {"min": 0.5, "max": 0.85, "weight": 0.4}}'),
	('sexy', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.85, "weight": 0.5}, "valence": {"min": 0.3, "max": 0.65, "weight": 0.3}}'),
	('sensual', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.85, "weight": 0.5}, "valence": {"min": 0.3, "max": 0.65, "weight": 0.3}}'),
	('seductive', 'builtin', '{"energy": {"min": 0.3, "max": 0.65, "weight": 0.5}, "danceability": {"min": 0.55, "max": 0.85, "weight": 0.5}, "valence": {"min": 0.3, "max": 0.65, "weight": 0.3}}'),
	('ballad', 'builtin', '{"energy": {"min": 0.15, "max": 0.5, "weight": 0.8}, "tempo": {"min": 55, "max": 115, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('ballads', 'builtin', '{"energy": {"min": 0.15, "max": 0.5, "weight": 0.8}, "tempo": {"min": 55, "max": 115, "weight": 0.4}, "acousticness": {"min": 0.3, "max": 0.95, "weight": 0.5}}'),
	('smooth', 'builtin', '{"energy": {"min": 0.25, "max": 0.6, "weight": 0.6}, "loudness": {"min": -16, "max": -7, "weight": 0.4}}'),
	('easy', 'builtin', '{"energy": {"min": 0.25, "max": 0.6, "weight": 0.6}, "loudness": {"min": -16, "max": -7, "weight": 0.4}}'),
	('groovy', 'builtin', '{"danceability": {"min": 0.65, "max": 0.95, "weight": 0.8}, "valence": {"min": 0.55, "max": 0.95, "weight": 0.5}}'),
	('funky', 'builtin', '{"danceability": {"min": 0.65, "max": 0.95, "weight": 0.8}, "valence": {"min": 0.55, "max": 0.95, "weight": 0.5}}'),
	('lazy', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.8}, "tempo": {"min": 55, "max": 105, "weight": 0.4}}'),
	('slowly', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.8}, "tempo": {"min": 55, "max": 105, "weight": 0.4}}'),
	('drowsy', 'builtin', '{"energy": {"min": 0.1, "max": 0.45, "weight": 0.8}, "tempo": {"min": 55, "max": 105, "weight": 0.4}}'),
	('minor', 'builtin', '{"valence": {"min": 0, "max": 0.35, "weight": 0.8}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.7}}'),
	('gloomy', 'builtin', '{"valence": {"min": 0, "max": 0.35, "weight": 0.8}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.7}}'),
	('bleak', 'builtin', '{"valence": {"min": 0, "max": 0.35, "weight": 0.8}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.7}}'),
	('sombre', 'builtin', '{"valence": {"min": 0, "max": 0.35, "weight": 0.8}, "mode": {"min": -0.25, "max": 0.25, "weight": 0.7}}')
ON CONFLICT (stem, source) DO NOTHING;

/* -------------------------------------------------------------------------
 * Dumps: what is the user's own
 * ------------------------------------------------------------------------- */

SELECT pg_catalog.pg_extension_config_dump('reco.artist', '');
SELECT pg_catalog.pg_extension_config_dump('reco.track', '');
SELECT pg_catalog.pg_extension_config_dump('reco.listen', '');
SELECT pg_catalog.pg_extension_config_dump('reco.feedback', '');
SELECT pg_catalog.pg_extension_config_dump('reco.mood_term', $$WHERE source <> 'builtin'$$);
SELECT pg_catalog.pg_extension_config_dump('reco.cache_policy', 'WHERE edited');
SELECT pg_catalog.pg_extension_config_dump('reco.popular_mood', 'WHERE edited');
