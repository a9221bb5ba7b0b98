-- reco.new_id(): 41 bits of milliseconds, 8 of node, 14 random.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco;
CREATE EXTENSION reco CASCADE;
RESET client_min_messages;

CREATE TEMP TABLE ids AS SELECT n, reco.new_id() AS id FROM generate_series(1, 100000) AS n;
SELECT count(DISTINCT id) AS distinct_ids, min(id) > 0 AS positive FROM ids;
SELECT count(*) AS not_ascending FROM (SELECT id <= lag(id) OVER (ORDER BY n) AS falls FROM ids) AS i WHERE falls;
-- the node's bits are the setting's
SELECT DISTINCT (id >> 14) & 255 = current_setting('reco.node_id')::bigint AS node FROM ids;
-- the time is about now, in milliseconds since 2024
SELECT abs(extract(epoch FROM clock_timestamp()) * 1000 - 1704067200000 - (reco.new_id() >> 22)) < 60000 AS now;
SELECT bool_and(id >> 63 = 0) AS fits FROM ids;
-- what is made in one transaction, or none, goes on ascending
BEGIN;
SELECT reco.new_id() AS first \gset
ROLLBACK;
SELECT reco.new_id() > :first AS ascends;
-- not for everybody, and not in a read-only transaction's way
BEGIN READ ONLY;
SELECT reco.new_id() > 0 AS in_a_read_only_transaction;
ROLLBACK;
SELECT provolatile, proisstrict, proparallel FROM pg_proc WHERE oid = 'reco.new_id()'::regprocedure;
SELECT context, unit, min_val, max_val, boot_val FROM pg_settings WHERE name IN ('reco.node_id', 'reco.deadline', 'reco.repeat_days') ORDER BY name;

DROP EXTENSION reco;
