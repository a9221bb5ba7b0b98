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
INSERT INTO reco.popular_mood (prompt, pinned, learned) VALUES ('rainy day', false, true);
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
DROP ROLE regress_popular_other;
TRUNCATE reco.popular_mood;
DROP EXTENSION reco;
