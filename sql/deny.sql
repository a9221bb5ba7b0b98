-- The registry of ids and the deny list: tables, views, and editing by hand.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
DROP ROLE IF EXISTS regress_reco_plain;
DROP ROLE IF EXISTS regress_reco_monitor;
RESET client_min_messages;
\set VERBOSITY default
\pset format unaligned
\pset fieldsep ' | '
\pset null '-'
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
-- Denying: one key for one combination
--
SELECT reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y', '4O6BcWzUa12zRnhLmcxVkB'], ARRAY['3oYF9SBFbkCDrMOlXfxUaZ'], '{"energy": 0.5, "tempo": 120, "feature_weight": 2}', '2 hours', 'nobody likes it') AS key \gset
SELECT length(:'key');
SELECT reco_deny(ARRAY['4O6BcWzUa12zRnhLmcxVkB', '1QWN1ij3rsgeKkHInkAz6Y'], ARRAY['3oYF9SBFbkCDrMOlXfxUaZ'], '{"tempo": 1.2e2, "feature_weight": 2.0, "energy": 0.50}') = :'key' AS same,
	   reco_deny(ARRAY['4O6BcWzUa12zRnhLmcxVkB', '1QWN1ij3rsgeKkHInkAz6Y']) = :'key' AS other,
	   reco_deny(ARRAY['7B1F0C52-4D0E-4F7A-9A55-0F2F6C1E9D31']) = reco_deny(ARRAY['7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31']) AS uuid;
SELECT server, by_hand, reason, request, denied_until - denied_at BETWEEN '23:59:00' AND '24:00:00' AS a_day, hits FROM reco_deny_list ORDER BY request COLLATE "C";

--
-- Wrong input
--
SELECT call, pg_temp.says('SELECT reco_deny(' || call || ')') AS says FROM unnest(ARRAY[
	$$NULL$$,
	$$'{}'$$,
	$$'{x}'$$,
	$$ARRAY[NULL]::text[]$$,
	$$ARRAY['']$$,
	$$ARRAY['spotify:track:1QWN1ij3rsgeKkHInkAz6Y']$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], NULL$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], ARRAY['?']$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => NULL$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '[]'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '1'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"mood": 1}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"energy": "high"}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"energy": null}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"energy": [1]}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"targets": {"energy": 1}}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"tempo": 1e400}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"loudness": -1000001}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], duration => NULL$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], duration => '0'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], duration => '-1 day'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], duration => '11 years'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], reason => repeat('x', 201)$$,
	$$array_fill('1QWN1ij3rsgeKkHInkAz6Y'::text, ARRAY[101])$$]) AS call;
SELECT call, pg_temp.says('SELECT reco_allow(' || call || ')') AS says FROM unnest(ARRAY[
	$$$$,
	$$NULL$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], deny_key => 'x'$$,
	$$ARRAY['x']$$,
	$$'{}'$$,
	$$ARRAY['1QWN1ij3rsgeKkHInkAz6Y'], parameters => '{"mood": 1}'$$,
	$$deny_key => 'x'$$]) AS call;
SELECT count(*) FROM reco.deny_list;
BEGIN READ ONLY;
SELECT reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']);
ROLLBACK;
BEGIN READ ONLY;
SELECT reco_allow(deny_key => 'x');
ROLLBACK;

--
-- Allowing: by key, by the same combination; rolled back
--
BEGIN;
SELECT reco_allow(deny_key => :'key') AS by_key;
SELECT count(*) FROM reco_deny_list WHERE deny_key = :'key';
ROLLBACK;
SELECT reco_allow(deny_key => :'key') AS by_key;
SELECT reco_allow(deny_key => :'key') AS again;
SELECT reco_allow(ARRAY['1QWN1ij3rsgeKkHInkAz6Y', '4O6BcWzUa12zRnhLmcxVkB']) AS by_combination;
SELECT reco_allow(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']) AS never_denied;
BEGIN;
SAVEPOINT s;
SELECT length(reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']));
ROLLBACK TO s;
COMMIT;
SELECT reco_allow(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']) AS undone;

--
-- What a service refused, and what is by hand, stand side by side
--
INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until) VALUES
	(:'key', 'https://a.example', 'too many negatives', '{}', now() + '1 hour'), (:'key', 'https://b.example', 'too many negatives', '{}', now() + '1 hour');
SELECT reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y', '4O6BcWzUa12zRnhLmcxVkB'], ARRAY['3oYF9SBFbkCDrMOlXfxUaZ'], '{"energy": 0.5, "tempo": 120, "feature_weight": 2}', '2 hours', 'nobody likes it') = :'key' AS denied;
SELECT pg_temp.says($$INSERT INTO reco.deny_list (deny_key, reason, request, denied_until) VALUES ('x', 'y', '{}', now())$$);
SELECT pg_temp.says($$INSERT INTO reco.deny_list (deny_key, server, by_hand, reason, request, denied_until) VALUES ('x', 'https://a.example', true, 'y', '{}', now())$$);
SELECT server, by_hand, reason FROM reco_deny_list WHERE deny_key = :'key' ORDER BY server;
SELECT reco_cache_invalidate('denied', :'key' || E'\x1fhttps://b.example\x1f\x1f') AS one, reco_cache_invalidate('denied') AS refused;
SELECT server, by_hand, reason FROM reco_deny_list WHERE deny_key = :'key';
SELECT category, entries FROM reco_cache_stats WHERE category IN ('denied', 'ids') ORDER BY 1;
SELECT reco_cache_invalidate() AS everything_else, count(*) AS by_hand FROM reco_deny_list;

--
-- The registry
--
INSERT INTO reco.id_registry (spotify_id, server, reccobeats_id, recorded_as, isrc, fresh_until, usable_until) VALUES
	('1QWN1ij3rsgeKkHInkAz6Y', 'https://a.example', '7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31', '1QWN1ij3rsgeKkHInkAz6Y', 'FIXX02300117', now() + '30 days', now() + '60 days'),
	('1QWN1ij3rsgeKkHInkAz6Y', 'https://b.example', '7b1f0c52-4d0e-4f7a-9a55-0f2f6c1e9d31', NULL, NULL, now() + '2 hours', now() + '60 days'),
	('4O6BcWzUa12zRnhLmcxVkB', 'https://a.example', NULL, NULL, NULL, now() + '7 days', now() + '7 days');
SELECT pg_temp.says($$INSERT INTO reco.id_registry (spotify_id, server, isrc, fresh_until, usable_until) VALUES ('x', 'y', 'FIXX02300117', now(), now())$$);
SELECT reco_stat_reset();
SELECT validated, missing, expiring, oldest IS NOT NULL AS oldest, hits, missing_hits, misses, calls_saved, hit_ratio FROM reco_id_registry_stats;
SELECT category, entries, bytes > 0 AS bytes FROM reco_cache_stats WHERE category = 'ids';
SELECT reco_cache_invalidate('ids', E'1QWN1ij3rsgeKkHInkAz6Y\x1fhttps://b.example\x1f\x1f') AS one, reco_cache_invalidate(key => '1QWN1ij3rsgeKkHInkAz6Y') AS other, reco_cache_invalidate('ids') AS rest;
SELECT validated, missing, expiring, oldest FROM reco_id_registry_stats;

--
-- The settings, and who may do what
--
SHOW reco.id_registry;
SHOW reco.deny_list;
SET ROLE regress_reco_plain;
SELECT reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']);
SELECT reco_allow(deny_key => 'x');
SELECT * FROM reco_deny_list;
SELECT * FROM reco_id_registry_stats;
SELECT * FROM reco.deny_list;
SELECT * FROM reco.id_registry;
SET ROLE regress_reco_monitor;
SELECT count(*) > 0 AS seen FROM reco_deny_list;
SELECT count(*) FROM reco_id_registry_stats;
SELECT reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']);
SELECT * FROM reco.deny_list;
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco_deny(text[], text[], jsonb, interval, text), reco_allow(text[], text[], jsonb, text) TO regress_reco_plain;
SET ROLE regress_reco_plain;
SELECT length(reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y'])), reco_allow(ARRAY['1QWN1ij3rsgeKkHInkAz6Y']);
RESET ROLE;

DROP EXTENSION reco;
DROP ROLE regress_reco_plain;
DROP ROLE regress_reco_monitor;
