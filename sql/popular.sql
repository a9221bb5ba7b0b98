-- Popular moods: the table, its triggers, arguments and rights.
\set VERBOSITY default
\set SHOW_CONTEXT never
\pset format unaligned
\pset fieldsep ' | '
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco CASCADE;
RESET client_min_messages;
SELECT prompt, pinned, learned, asked, hits, hit_ratio, recent, last_asked, last_warmed, warmed_as, edited FROM reco.popular_mood ORDER BY prompt;
INSERT INTO reco.popular_mood (prompt) VALUES ('');
INSERT INTO reco.popular_mood (prompt) VALUES ('  ');
INSERT INTO reco.popular_mood (prompt) VALUES (repeat('x', 201));
INSERT INTO reco.popular_mood (prompt) VALUES (NULL);
-- what somebody writes is marked; it may take the place of a shipped row, as in a dump
INSERT INTO reco.popular_mood (prompt) VALUES ('sunday brunch');
INSERT INTO reco.popular_mood (prompt, pinned) VALUES ('party vibes', false);
INSERT INTO reco.popular_mood (prompt) VALUES ('party vibes');
UPDATE reco.popular_mood SET pinned = false WHERE prompt = 'workout motivation';
-- what is learned and counted is no edit
INSERT INTO reco.popular_mood (prompt, pinned, learned, recent, last_asked) VALUES ('rainy day', false, true, 1, now());
UPDATE reco.popular_mood SET asked = 4, hits = 3, last_asked = now() WHERE prompt = 'calm and relaxing';
SELECT prompt, pinned, learned, hit_ratio, edited FROM reco.popular_mood WHERE edited OR learned OR asked > 0 ORDER BY prompt;
UPDATE reco.popular_mood SET pinned = true WHERE prompt = 'rainy day';
SELECT prompt, pinned, learned, edited FROM reco.popular_mood WHERE learned;
SELECT reco.note_popular_moods();
BEGIN READ ONLY;
SELECT reco_warm_popular_moods();
ROLLBACK;
SELECT reco_warm_popular_moods(most => -1);
-- who may
CREATE ROLE regress_popular_other;
SET ROLE regress_popular_other;
SELECT * FROM reco.popular_mood;
SELECT reco_warm_popular_moods();
RESET ROLE;
-- a mood is warmed with the rights of a role that its writer is a member of
CREATE ROLE regress_popular_group;
GRANT regress_popular_group TO regress_popular_other;
GRANT USAGE ON SCHEMA reco TO regress_popular_other;
GRANT SELECT, INSERT, UPDATE, DELETE ON reco.popular_mood TO regress_popular_other;
SET ROLE regress_popular_other;
INSERT INTO reco.popular_mood (prompt, warmed_as) VALUES ('mine', 'regress_popular_other'), ('ours', 'regress_popular_group');
INSERT INTO reco.popular_mood (prompt, warmed_as) SELECT 'theirs', r.rolname FROM pg_roles AS r WHERE r.rolname = 'pg_read_all_data';
UPDATE reco.popular_mood SET warmed_as = 'pg_read_all_data' WHERE prompt = 'mine';
UPDATE reco.popular_mood SET warmed_as = 'regress_popular_nobody' WHERE prompt = 'mine';
UPDATE reco.popular_mood SET warmed_as = NULL WHERE prompt = 'ours';
UPDATE reco.popular_mood SET warmed_as = 'regress_popular_group' WHERE prompt = 'mine';
RESET ROLE;
UPDATE reco.popular_mood SET warmed_as = 'pg_read_all_data' WHERE prompt = 'ours';
SET ROLE regress_popular_other;
UPDATE reco.popular_mood SET pinned = false WHERE prompt = 'ours';
SELECT prompt, pinned, warmed_as FROM reco.popular_mood WHERE warmed_as IS NOT NULL ORDER BY prompt;
RESET ROLE;
SELECT reco.note_popular_role();
REVOKE ALL ON reco.popular_mood FROM regress_popular_other;
REVOKE ALL ON SCHEMA reco FROM regress_popular_other;
DROP ROLE regress_popular_other, regress_popular_group;
TRUNCATE reco.popular_mood;
DROP EXTENSION reco;
