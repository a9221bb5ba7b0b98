-- Jobs: arguments, rights, and what is said where nobody would do them.
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset fieldsep ' | '
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco CASCADE;
RESET client_min_messages;
SELECT reco_generate_async(NULL, 'calm');
SELECT reco_generate_async('ana', NULL);
SELECT reco_generate_async('ana', ' ');
SELECT reco_generate_async('ana', 'calm', 0);
SELECT reco_generate_async('ana', 'calm', 5, '-1 s');
SELECT reco_generate_async('ana', 'calm', 5, NULL, '{"wrong": 1}');
SELECT reco_generate_async('ana', 'calm', 5, NULL, '[]');
SELECT reco_generate_async(repeat('x', 256), 'calm');
BEGIN READ ONLY;
SELECT reco_generate_async('ana', 'calm');
ROLLBACK;
SELECT * FROM reco_job(NULL);
SELECT * FROM reco_job(1);
SELECT reco_job_cancel(1);
SELECT reco_job_cancel(NULL);
-- rows of all states, as workers leave them
INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority, state, created, run_after, turn, started, finished, run_id, error)
	SELECT 'ana', n, 'generate', n::text, CURRENT_USER::regrole, '{}', 1, s, now(), now(), now(),
		now() + '2 s', now() + '3 s',
		CASE s WHEN 'done' THEN 7 END, CASE s WHEN 'failed' THEN 'no luck' END
	FROM unnest('{done,failed,cancelled}'::text[]) WITH ORDINALITY AS t (s, n);
SELECT kind, user_id, state, stage, percent, run_id, error, attempts FROM reco_job(1);
SELECT state, run_id, error FROM reco_job(2);
SELECT reco_job_cancel(1);
SELECT reco_job_cancel(3);
SELECT kind, queued, running, done, failed, cancelled, retried, wait_p50_ms, wait_p95_ms, run_p50_ms, run_p95_ms, oldest FROM reco_stat_job;
-- who may
CREATE ROLE regress_job_member;
CREATE ROLE regress_job_other;
CREATE ROLE regress_job_monitor IN ROLE pg_monitor;
CREATE ROLE regress_job_owner ROLE regress_job_member;
UPDATE reco.job SET role_id = 'regress_job_owner'::regrole;
SET ROLE regress_job_other;
SELECT reco_generate_async('ana', 'calm');
SELECT * FROM reco_job(1);
SELECT reco_job_cancel(1);
SELECT * FROM reco_stat_job;
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco_job, reco_job_cancel TO regress_job_other, regress_job_owner, regress_job_member, regress_job_monitor;
SET ROLE regress_job_other;
SELECT state FROM reco_job(1);
SELECT reco_job_cancel(1);
SET ROLE regress_job_monitor;
SELECT state FROM reco_job(1);
SELECT reco_job_cancel(1);
SELECT done FROM reco_stat_job;
SET ROLE regress_job_member;
SELECT state FROM reco_job(1);
SELECT reco_job_cancel(1);
SET ROLE regress_job_owner;
SELECT state FROM reco_job(1);
RESET ROLE;
-- one job of a kind, a listener and a key is open; keys begin with the listener
INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority, created, run_after, turn)
	SELECT 'ana', n, 'generate', 'same', 10, '{}', 1, 'infinity', 'infinity', 'infinity' FROM generate_series(11, 12) AS n;
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'reco.job'::regclass AND contype IN ('p', 'u') ORDER BY 1;
SELECT relpersistence FROM pg_class WHERE oid = 'reco.job'::regclass;
DELETE FROM reco.job;
REVOKE ALL ON FUNCTION reco_job, reco_job_cancel FROM regress_job_other, regress_job_owner, regress_job_member, regress_job_monitor;
DROP ROLE regress_job_member, regress_job_other, regress_job_monitor, regress_job_owner;
