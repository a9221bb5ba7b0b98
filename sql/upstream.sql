-- Upstreams as servers: what options take and refuse; and reco_resolve's errors.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS reco CASCADE;
CREATE EXTENSION reco CASCADE;
DROP ROLE IF EXISTS regress_reco_dba;
DROP ROLE IF EXISTS regress_reco_caller;
RESET client_min_messages;
-- each question goes to its server
SET reco.cache = off;
\set VERBOSITY default
\pset format unaligned
\pset fieldsep ' | '
CREATE ROLE regress_reco_dba;
CREATE ROLE regress_reco_caller;

-- The SQLSTATE, message and hint of a command; "fine" when it raises nothing.
CREATE FUNCTION pg_temp.says(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;
-- The same for a server that is made with these options, and goes again.
CREATE FUNCTION pg_temp.server(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	said := pg_temp.says(format('CREATE SERVER regress_reco_try FOREIGN DATA WRAPPER reco_upstream OPTIONS (%s)', options));
	EXECUTE 'DROP SERVER IF EXISTS regress_reco_try CASCADE';
	RETURN said;
END $$;
CREATE FUNCTION pg_temp.mapping(options text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	said := pg_temp.says(format('CREATE USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (%s)', options));
	EXECUTE 'DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER regress_reco';
	RETURN said;
END $$;

--
-- Servers: the kind
--
CREATE SERVER regress_reco_try FOREIGN DATA WRAPPER reco_upstream;
CREATE SERVER regress_reco_try FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'deezer');
CREATE SERVER regress_reco_try FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify', rates '9/1s');
CREATE SERVER regress_reco_try FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify', client_secret 'abc');
CREATE SERVER regress_reco_try FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify', burst '5', burst '6');
SET client_min_messages = warning;
SELECT options, pg_temp.server(options) FROM unnest(ARRAY[
	$$kind 'spotify'$$,
	$$kind 'reccobeats'$$,
	$$kind 'gemini'$$,
	$$kind 'gemini', model 'flash-9'$$,
	$$kind 'openai', base_url 'http://127.0.0.1:11434/v1', model 'llama'$$,
	$$kind 'Spotify'$$,
	$$kind ''$$,
	$$kind 'spotify', model 'x'$$,
	$$kind 'reccobeats', market 'DE'$$,
	$$kind 'reccobeats', accounts_url 'https://accounts.example'$$,
	$$kind 'openai', model 'm', access 'extended'$$]) AS options;

-- every option, with values at and beyond its bounds
SELECT options, pg_temp.server('kind ''spotify'', ' || options) FROM unnest(ARRAY[
	$$rate '90/30s', burst '9', max_concurrency '4', batch_max '50', connect_timeout '2s', timeout '15s', deadline '20 s', market 'de', share_with_llm 'off', daily_quota '500', access 'development', enabled 'false'$$,
	$$rate '1/1ms'$$, $$rate '1000000/1d'$$, $$rate '5/500ms'$$, $$rate '2/1h'$$, $$rate '2/1min'$$,
	$$rate '90'$$, $$rate '90/30'$$, $$rate '/30s'$$, $$rate '0/30s'$$, $$rate '-1/30s'$$, $$rate '1000001/30s'$$, $$rate '9/2d'$$, $$rate '9/0s'$$, $$rate '9/30s/2'$$, $$rate '9/s'$$, $$rate ''$$,
	$$rate '10/1s', burst '10'$$, $$rate '10/1s', burst '11'$$, $$burst '0'$$, $$burst 'many'$$,
	$$max_concurrency '1000'$$, $$max_concurrency '1001'$$, $$max_concurrency '0'$$,
	$$batch_max '0'$$, $$batch_max '1001'$$,
	$$connect_timeout '500ms'$$, $$connect_timeout '500'$$, $$connect_timeout '0'$$, $$connect_timeout '61min'$$, $$connect_timeout '5 parsecs'$$,
	$$timeout '-1s'$$, $$deadline '1d'$$, $$deadline '25h'$$, $$deadline 'soon'$$,
	$$market 'DEU'$$, $$market '12'$$, $$access 'full'$$,
	$$enabled 'perhaps'$$, $$share_with_llm '2'$$, $$allow_plaintext ''$$,
	$$daily_quota '0'$$, $$daily_quota '2147483647'$$, $$daily_quota '2147483648'$$,
	$$ca_file '/etc/ssl/cert.pem'$$, $$ca_file 'cert.pem'$$]) AS options;
SELECT options, pg_temp.server('kind ''gemini'', ' || options) FROM unnest(ARRAY[
	$$model 'a/b:c-1.5'$$, $$model ''$$, $$model 'two words'$$, $$model E'line\nbreak'$$]) AS options;

-- addresses
SELECT url, pg_temp.server(format('kind ''spotify'', base_url %L', url)) FROM unnest(ARRAY[
	'https://api.example', 'https://api.example/v1/', 'https://api.example:8443/v1', 'HTTPS://API.example',
	'http://api.example', 'ftp://api.example', 'api.example', '', 'https://', 'https://api.example:0', 'https://api.example:65536',
	'https://user:password@api.example', 'https://api.example/v1?key=password', 'https://api.example/#x', 'https://api .example',
	'http://127.0.0.1:8080/v1', 'http://localhost:8080', 'http://[::1]:8080', 'https://127.0.0.1', 'http://2130706433', 'http://0x7f.1',
	'https://10.0.0.1', 'https://192.168.1.1', 'https://172.16.0.1', 'https://100.64.0.1', 'https://169.254.169.254', 'https://[fe80::1]', 'https://[fd00::1]',
	'https://[::ffff:10.0.0.1]', 'https://0.0.0.0', 'https://224.0.0.1', 'https://255.255.255.255', 'https://8.8.8.8',
	'https://' || repeat('a', 300) || '.example']) AS url;
SELECT options, pg_temp.server('kind ''spotify'', ' || options) FROM unnest(ARRAY[
	$$base_url 'http://api.example', allow_plaintext 'true'$$,
	$$base_url 'https://10.0.0.1', allow_private 'true'$$,
	$$base_url 'http://10.0.0.1', allow_private 'true'$$,
	$$base_url 'http://10.0.0.1', allow_private 'true', allow_plaintext 'true'$$,
	$$base_url 'https://0.0.0.0', allow_private 'true'$$,
	$$accounts_url 'http://accounts.example'$$,
	$$accounts_url 'https://10.0.0.1'$$]) AS options;
RESET client_min_messages;

-- changes are judged with what stands there already
CREATE SERVER regress_reco FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify', rate '10/1s', burst '5');
ALTER SERVER regress_reco OPTIONS (SET burst '20');
ALTER SERVER regress_reco OPTIONS (SET rate '4/1s');
ALTER SERVER regress_reco OPTIONS (DROP kind);
ALTER SERVER regress_reco OPTIONS (SET kind 'gemini');
ALTER SERVER regress_reco OPTIONS (ADD base_url 'http://api.example');
ALTER SERVER regress_reco OPTIONS (SET rate '30/1s', SET burst '20');
SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'regress_reco';
-- no options, tables or columns of the wrapper itself
ALTER FOREIGN DATA WRAPPER reco_upstream OPTIONS (ADD kind 'spotify');
CREATE FOREIGN TABLE regress_reco_table (a int) SERVER regress_reco;

--
-- User mappings; no value is ever told
--
CREATE USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (clientid 'abc', client_secret 's3cret');
CREATE USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (client_id 'abc');
SET client_min_messages = warning;
SELECT options, pg_temp.mapping(options) FROM unnest(ARRAY[
	$$client_id 'abc', client_secret 's3cret'$$,
	$$api_key 's3cret'$$,
	$$secret_file '/run/secrets/spotify'$$,
	$$client_id 'abc', secret_file '/run/secrets/spotify'$$,
	$$client_secret 's3cret'$$,
	$$client_id 'abc', client_secret ''$$,
	$$client_id 'abc', client_secret 's3 cret'$$,
	$$client_id 'abc', client_secret E's3cret\nX-Header: 1'$$,
	$$client_id 'abc', client_secret E's3cr\u00e9t'$$,
	$$api_key ''$$,
	$$api_key 's3cret', client_id 'abc'$$,
	$$api_key 's3cret', client_id 'abc', client_secret 's3cret'$$,
	$$secret_file '/run/secrets/x', api_key 's3cret'$$,
	$$secret_file '/run/secrets/x', client_id 'abc', client_secret 's3cret'$$,
	$$secret_file 'secrets/x'$$,
	$$secret_file ''$$,
	$$kind 'spotify'$$,
	$$secret 's3cret'$$]) AS options;
SELECT pg_temp.mapping(format('api_key %L', repeat('k', 2048))), pg_temp.mapping(format('api_key %L', repeat('k', 2049)));
RESET client_min_messages;

--
-- Who may do what
--
SET ROLE regress_reco_dba;
CREATE SERVER regress_reco_theirs FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats');
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_reco OPTIONS (api_key 's3cret');
SELECT * FROM reco_resolve('track_facts', '{x}');
SELECT reco_upstream_validator('{}', 1417);
RESET ROLE;
GRANT USAGE ON FOREIGN DATA WRAPPER reco_upstream TO regress_reco_dba;
SET ROLE regress_reco_dba;
CREATE SERVER regress_reco_theirs FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify');
CREATE USER MAPPING FOR PUBLIC SERVER regress_reco_theirs OPTIONS (client_id 'abc', secret_file '/etc/passwd');
CREATE USER MAPPING FOR PUBLIC SERVER regress_reco_theirs OPTIONS (client_id 'abc', client_secret 's3cret');
ALTER SERVER regress_reco_theirs OPTIONS (ADD base_url 'http://127.0.0.1:8080');
ALTER SERVER regress_reco_theirs OPTIONS (ADD allow_private 'true');
ALTER SERVER regress_reco_theirs OPTIONS (ADD ca_file '/etc/ssl/cert.pem');
RESET ROLE;
-- a mapping of PUBLIC is used, and not read
SET ROLE regress_reco_caller;
SELECT umoptions FROM pg_user_mappings WHERE srvname = 'regress_reco_theirs';
RESET ROLE;
DROP SERVER regress_reco_theirs CASCADE;
REVOKE USAGE ON FOREIGN DATA WRAPPER reco_upstream FROM regress_reco_dba;

--
-- reco_resolve: what it refuses
--
SELECT call, pg_temp.says('SELECT * FROM reco_resolve(' || call || ')') FROM unnest(ARRAY[
	$$NULL, '{a}'$$,
	$$'track_facts', NULL$$,
	$$'track_facts', '{a,NULL}'$$,
	$$'track_facts', '{a}', priority => NULL$$,
	$$'tracks', '{a}'$$,
	$$'user_history', '{a}'$$,
	$$'', '{a}'$$,
	$$'track_facts', '{a}', priority => 'urgent'$$,
	$$'track_facts', '{a}', '-1 s'$$,
	$$'track_facts', array_fill('a'::text, '{100001}')$$,
	$$'track_facts', '{a}'$$,
	$$'track_features', '{a}'$$,
	$$'completion', '{a}'$$]) AS call;
SET reco.upstreams = off;
SELECT * FROM reco_resolve('track_facts', '{a}');
RESET reco.upstreams;
ALTER SERVER regress_reco OPTIONS (ADD enabled 'false');
SELECT * FROM reco_resolve('track_facts', '{a}');
ALTER SERVER regress_reco OPTIONS (DROP enabled);
CREATE USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (secret_file '/nonexistent/regress_reco');
SELECT * FROM reco_resolve('track_facts', ARRAY[repeat('a', 22)]);
ALTER USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (SET secret_file '/dev/null');
SELECT * FROM reco_resolve('track_facts', ARRAY[repeat('a', 22)]);
-- a file of the server's, in all its forms; only its name is told
SELECT current_setting('data_directory') || '/regress_reco_secret' AS secret_file \gset
ALTER USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (SET secret_file :'secret_file');
CREATE FUNCTION pg_temp.secret(content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/regress_reco_secret';
BEGIN
	EXECUTE format('COPY (SELECT line FROM regexp_split_to_table(%L, E''\n'') AS line) TO %L', content, file);
	RETURN replace(pg_temp.says('SELECT * FROM reco_resolve(''track_facts'', ARRAY[repeat(''d'', 22)], ''100 ms'')'), file, 'FILE');
END $$;
SELECT to_json(content) AS content, pg_temp.secret(content) FROM unnest(ARRAY[
	'', E'# nothing\n\n', 's3cret', E'client_id = abc\nclient_secret = s3cret', E'# app\n\n  client_id=abc  \n  client_secret  = s3cr=et== \n',
	E'client_id = abc\ns3cret==', E'client_id = abc\nclient_secret =', E'client_id = abc\nclient_id = abd\nclient_secret = s3cret', E'client_id = abc\ns3cret\nmore',
	E'client_id = abc\npassword = s3cret']) AS content;
COPY (SELECT) TO PROGRAM 'rm -f regress_reco_secret';
-- the role's own mapping comes first
CREATE USER MAPPING FOR CURRENT_USER SERVER regress_reco OPTIONS (api_key 's3cret');
SELECT * FROM reco_resolve('track_facts', ARRAY[repeat('a', 22)]);
DROP USER MAPPING FOR CURRENT_USER SERVER regress_reco;

-- keys that are none are rejected alone, and nothing is sent for them; a listener's need a token
ALTER USER MAPPING FOR PUBLIC SERVER regress_reco OPTIONS (DROP secret_file, ADD client_id 'abc', ADD client_secret 's3cret');
SELECT * FROM reco_resolve('track_facts', '{}');
SELECT * FROM reco_resolve('track_facts', '{"", short, "spotify:track:0", short}');
SELECT * FROM reco_resolve('user_top_tracks', '{ana, bob}');
-- at the server's own address nobody listens, so the deadline or the refusal ends it
ALTER SERVER regress_reco OPTIONS (ADD base_url 'http://127.0.0.1:1/v1', ADD accounts_url 'http://127.0.0.1:1');
SELECT key, value, origin, outcome IN ('unavailable', 'timeout') AS no_answer
FROM reco_resolve('track_facts', ARRAY[repeat('a', 22), 'short', repeat('b', 22), repeat('a', 22)], '5 s');
SELECT outcome FROM reco_resolve('track_facts', ARRAY[repeat('c', 22)], '0');
BEGIN READ ONLY;
SELECT outcome FROM reco_resolve('track_facts', ARRAY['short']);
COMMIT;

-- lists are made all the same
INSERT INTO reco.artist (artist_id, name) SELECT 'a' || i, 'Artist ' || i FROM generate_series(1, 10) AS i;
INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy)
SELECT 't' || i, 'a' || i, 'Song ' || i, 'Artist ' || i, 'measured', i / 10.0 FROM generate_series(1, 10) AS i;
SELECT count(*), array_agg(DISTINCT origin) AS origins FROM reco_generate('', 'calm, like "Nobody Knows"', 5, '3 s');

-- options that no rule of today allows, put into the catalogue by hand, keep nobody else
-- from being asked; the doctor tells about them
CREATE SERVER regress_reco_odd FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats');
SET allow_system_table_mods = on;
CREATE FUNCTION pg_temp.odd(odd text[]) RETURNS TABLE (doctor text, refused text, others text, lists text) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE pg_catalog.pg_foreign_server SET srvoptions = odd WHERE srvname = 'regress_reco_odd';
	SELECT d.status || ': ' || d.detail || '; ' || left(d.hint, 60) INTO doctor FROM reco_doctor('0') AS d WHERE d."check" LIKE '%regress_reco_odd%';
	refused := pg_temp.says('SELECT * FROM reco_resolve(''track_features'', ARRAY[repeat(''a'', 22)], ''0'')');
	others := pg_temp.says('SELECT * FROM reco_resolve(''track_facts'', ''{short}'', ''0'')');
	lists := pg_temp.says('SELECT * FROM reco_generate('''', ''calm'', 5, ''3 s'')');
	RETURN NEXT;
END $$;
SELECT odd.options, o.* FROM (VALUES
	('{kind=reccobeats,rate=often}'::text[]), ('{kind=reccobeats,timeout=0}'), ('{kind=reccobeats,enabled=perhaps}'),
	('{kind=reccobeats,enabled=false,burst=0}'), ('{kind=reccobeats,base_url=https://me:s3cret@example.com}'),
	('{kind=reccobeats,model=m}'), ('{kind=reccobeats,speed=9}'), ('{kind=reccobeats,rate=9/1s,burst=10}'), ('{kind=reccobeats,rate}'),
	('{kind=spotify,market=Germany}'), ('{kind=spotify,access=all}'), ('{kind=gemini}'), ('{kind=reccobeats,ca_file=here}'),
	('{kind=deezer}'), ('{kind}'), ('{rate=9/1s}'), ('{}'), (NULL)) AS odd (options), pg_temp.odd(odd.options) AS o;
RESET allow_system_table_mods;
ALTER SERVER regress_reco_odd OPTIONS (ADD kind 'reccobeats', ADD base_url 'http://127.0.0.1:1');
SELECT pg_temp.says('SELECT * FROM reco_resolve(''track_features'', ARRAY[repeat(''a'', 22)], ''0'')');
DROP SERVER regress_reco_odd;

DROP EXTENSION reco CASCADE;
DROP ROLE regress_reco_dba;
DROP ROLE regress_reco_caller;
