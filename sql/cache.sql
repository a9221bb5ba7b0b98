-- The memory of answers: its policy, its view, and how answers are removed.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
DROP ROLE IF EXISTS regress_reco_plain;
DROP ROLE IF EXISTS regress_reco_monitor;
RESET client_min_messages;
\set VERBOSITY default
\pset format unaligned
\pset fieldsep ' | '
CREATE ROLE regress_reco_plain;
CREATE ROLE regress_reco_monitor;
GRANT pg_monitor TO regress_reco_monitor;

-- The SQLSTATE, message and hint of a statement; "fine" when it raises nothing.
CREATE FUNCTION pg_temp.says(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN state || ': ' || message || CASE WHEN hint <> '' THEN E'\n  ' || hint ELSE '' END;
END $$;

--
-- Policies: one for each category, in bounds; what somebody wrote is marked
--
SELECT category, fresh, usable, absent, jitter, max_entries, pg_size_pretty(max_bytes) AS max_bytes, edited FROM reco.cache_policy ORDER BY category;
SELECT statement, pg_temp.says('UPDATE reco.cache_policy SET ' || statement || ' WHERE category = ''search''') AS says FROM unnest(ARRAY[
	$$fresh = '-1 s'$$,
	$$fresh = '2 days'$$,
	$$usable = '11 years'$$,
	$$absent = '-1 s'$$,
	$$jitter = 0.6$$,
	$$jitter = 'NaN'$$,
	$$max_entries = -1$$,
	$$max_bytes = NULL$$,
	$$category = 'weather'$$]) AS statement;
UPDATE reco.cache_policy SET fresh = '20 minutes', max_entries = 10 WHERE category = 'search';
-- a row can be inserted in the place of a shipped one, as a dump does, not of an edited one
INSERT INTO reco.cache_policy (category, fresh, usable, max_entries, max_bytes, edited) VALUES ('ids', '0', '0', 5, 500, true);
SELECT pg_temp.says($$INSERT INTO reco.cache_policy (category, fresh, usable, max_entries, max_bytes) VALUES ('ids', '0', '0', 5, 500)$$);
INSERT INTO reco.cache_policy (category, fresh, usable, max_entries, max_bytes) VALUES ('ids', '1 month', '1 year', 6, 600)
ON CONFLICT (category) DO UPDATE SET fresh = excluded.fresh, usable = excluded.usable, max_entries = excluded.max_entries;
SELECT category, fresh, usable, max_entries, max_bytes, edited FROM reco.cache_policy WHERE edited ORDER BY category;
SELECT count(*) FROM reco.cache_policy;

--
-- The table: a key may be long, and what stands behind a separator is who answered
--
INSERT INTO reco.cache (category, key, value, fresh_until, usable_until)
SELECT category, key, '{"n": 1}', now() + '1 hour', now() + '2 hours' FROM (VALUES
	('search', 'nobody'), ('search', E'nobody\x1fhttps://a.example\x1fDE\x1f'), ('search', E'nobody\x1fhttps://b.example\x1f\x1f'), ('search', 'nobody knows'),
	('tracks', 'nobody'), ('tracks', repeat('k', 4000)), ('features', 'nobody'), ('features', '')) AS v (category, key);
INSERT INTO reco.cache (category, key, absent, fresh_until, usable_until) VALUES ('artists', 'nobody', true, now() + '1 hour', now() + '1 hour');
SELECT pg_temp.says($$INSERT INTO reco.cache (category, key, fresh_until, usable_until) VALUES ('artists', 'n', now(), now())$$);
-- those have tables of their own
SELECT pg_temp.says($$INSERT INTO reco.cache (category, key, value, fresh_until, usable_until) VALUES ('ids', 'n', '1', now(), now())$$);
SELECT pg_temp.says($$INSERT INTO reco.cache (category, key, value, fresh_until, usable_until) VALUES ('search', 'nobody', '1', now(), now())$$);
SELECT category, left(replace(key, E'\x1f', '~'), 40) AS key, size, absent FROM reco.cache ORDER BY category, key;
SELECT count(DISTINCT digest) AS digests, count(DISTINCT variant) AS variants FROM reco.cache WHERE category = 'search';

--
-- The view
--
SELECT category, entries, bytes, oldest IS NOT NULL AS oldest, fresh, usable FROM reco_cache_stats;
SELECT reco_stat_reset();
SELECT sum(hits + table_hits + stale_hits + absent_hits + misses + calls_saved + puts + dropped + buffer_evicted + evicted + expired) AS counted, count(hit_ratio) AS ratios FROM reco_cache_stats;
SELECT sum(buffer_entries + buffer_bytes + unwritten) AS buffered FROM reco_cache_stats;

--
-- Removing
--
SELECT call, pg_temp.says('SELECT reco_cache_invalidate(' || call || ')') AS says FROM unnest(ARRAY[
	$$'weather'$$,
	$$''$$,
	$$'probe'$$,
	$$'weather', user_id => 'ana'$$]) AS call;
-- what has no policy any more may still be there
BEGIN;
DELETE FROM reco.cache_policy WHERE category IN ('result', 'search');
SELECT reco_cache_invalidate('result') AS results, reco_cache_invalidate('search') AS searches, reco_cache_invalidate(user_id => 'ana') AS of_a_listener;
ROLLBACK;
-- every category that can be named has a policy as shipped, and no other one has
SELECT count(reco_cache_invalidate(category, 'nothing')) AS policies FROM reco.cache_policy;
BEGIN READ ONLY;
SELECT reco_cache_invalidate();
ROLLBACK;
SELECT reco_cache_invalidate('search', 'somebody') AS none, reco_cache_invalidate(user_id => 'ana') AS of_a_listener, count(*) AS rows FROM reco.cache;
-- rolled back
BEGIN;
SELECT reco_cache_invalidate();
SELECT count(*) FROM reco.cache;
ROLLBACK;
SELECT count(*) FROM reco.cache;
-- one service's answer alone; then whoever answered
SELECT reco_cache_invalidate('search', E'nobody\x1fhttps://b.example\x1f\x1f');
SELECT reco_cache_invalidate('search', 'nobody');
SELECT category, left(key, 20) AS key FROM reco.cache ORDER BY category, key;
-- a key of all categories, long ones, the empty one
SELECT reco_cache_invalidate(key => 'nobody');
SELECT reco_cache_invalidate(key => repeat('k', 4000));
SELECT reco_cache_invalidate('features', '');
SELECT reco_cache_invalidate('search');
SELECT count(*) FROM reco.cache;
-- a snapshot that is older than the rows does not keep them
INSERT INTO reco.cache (category, key, value, fresh_until, usable_until) VALUES ('search', 'a', '1', now() + '1 hour', now() + '1 hour');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT reco_cache_invalidate();
COMMIT;
SELECT count(*) FROM reco.cache;
BEGIN;
SELECT reco_cache_invalidate(key => 'k' || i) FROM generate_series(1, 3) AS i;
SAVEPOINT s;
SELECT reco_cache_invalidate('tracks');
ROLLBACK TO s;
SELECT sum(reco_cache_invalidate('tracks', 'k' || i)) FROM generate_series(1, 300) AS i;
COMMIT;

--
-- Who may do what
--
SET ROLE regress_reco_plain;
SELECT reco_cache_invalidate();
SELECT * FROM reco_cache_stats;
SELECT * FROM reco.cache;
SELECT * FROM reco.cache_policy;
SET ROLE regress_reco_monitor;
SELECT count(*) FROM reco_cache_stats;
SELECT reco_cache_invalidate();
SELECT * FROM reco.cache;
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco_cache_invalidate(text, text, text) TO regress_reco_plain;
INSERT INTO reco.cache (category, key, value, fresh_until, usable_until) VALUES ('search', 'a', '1', now() + '1 hour', now() + '1 hour');
SET ROLE regress_reco_plain;
SELECT reco_cache_invalidate('search');
RESET ROLE;

DROP EXTENSION reco;
DROP ROLE regress_reco_plain;
DROP ROLE regress_reco_monitor;
