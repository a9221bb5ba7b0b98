/*-------------------------------------------------------------------------
 *
 * address_test.c
 *	  Tests of addresses: public or not, however they are written; URLs.
 *
 * Purpose: show that no spelling of a private address passes for a name or for
 *			a public one.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	resolve a name.
 *
 *-------------------------------------------------------------------------
 */
#include "upstream/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "tap.h"

#define PUBLIC		RECO_ADDRESS_PUBLIC
#define LOOPBACK	RECO_ADDRESS_LOOPBACK
#define PRIVATE		RECO_ADDRESS_PRIVATE
#define LINK_LOCAL	RECO_ADDRESS_LINK_LOCAL
#define INVALID		RECO_ADDRESS_INVALID
#define NAME		((RecoAddressClass) -1)

typedef struct Case
{
	const char *host;
	RecoAddressClass class;
} Case;

static const Case addresses[] = {
	{"8.8.8.8", PUBLIC}, {"1.1.1.1", PUBLIC}, {"223.255.255.255", PUBLIC},
	{"127.0.0.1", LOOPBACK}, {"127.255.255.254", LOOPBACK}, {"126.255.255.255", PUBLIC},
	{"128.0.0.0", PUBLIC}, {"10.0.0.1", PRIVATE}, {"9.255.255.255", PUBLIC},
	{"11.0.0.0", PUBLIC}, {"172.16.0.1", PRIVATE}, {"172.31.255.255", PRIVATE},
	{"172.15.255.255", PUBLIC}, {"172.32.0.0", PUBLIC}, {"192.168.0.1", PRIVATE},
	{"192.167.255.255", PUBLIC}, {"192.169.0.0", PUBLIC}, {"100.64.0.1", PRIVATE},
	{"100.127.255.255", PRIVATE}, {"100.63.255.255", PUBLIC}, {"100.128.0.0", PUBLIC},
	{"169.254.169.254", LINK_LOCAL}, {"169.253.0.1", PUBLIC}, {"169.255.0.0", PUBLIC},
	{"0.0.0.0", INVALID}, {"0.1.2.3", INVALID}, {"224.0.0.1", INVALID},
	{"239.255.255.255", INVALID}, {"240.0.0.1", INVALID}, {"255.255.255.255", INVALID},
	{"192.0.0.1", INVALID}, {"192.0.2.1", INVALID}, {"198.51.100.1", INVALID},
	{"203.0.113.1", INVALID}, {"198.18.0.1", PRIVATE}, {"198.19.255.255", PRIVATE},
	{"198.20.0.0", PUBLIC},
	{"2606:4700:4700::1111", PUBLIC}, {"2a00:1450::1", PUBLIC}, {"::1", LOOPBACK},
	{"::", INVALID}, {"fc00::1", PRIVATE}, {"fdff::1", PRIVATE}, {"fe80::1", LINK_LOCAL},
	{"febf::1", LINK_LOCAL}, {"fec0::1", PRIVATE}, {"ff02::1", INVALID},
	{"4000::1", INVALID}, {"1fff::1", INVALID}, {"2001:db8::1", INVALID},
	{"2001:0:1::1", INVALID}, {"3fff::1", INVALID}, {"100::1", INVALID},
	{"::ffff:127.0.0.1", LOOPBACK}, {"::ffff:7f00:1", LOOPBACK}, {"::ffff:8.8.8.8", PUBLIC},
	{"::ffff:10.0.0.1", PRIVATE}, {"::ffff:169.254.169.254", LINK_LOCAL},
	{"::ffff:0.0.0.0", INVALID}, {"::127.0.0.1", LOOPBACK}, {"::10.0.0.1", PRIVATE},
	{"::8.8.8.8", PUBLIC}, {"::2", INVALID}, {"::ffff:0:127.0.0.1", LOOPBACK},
	{"64:ff9b::127.0.0.1", LOOPBACK}, {"64:ff9b::10.1.2.3", PRIVATE},
	{"64:ff9b::8.8.8.8", PUBLIC}, {"64:ff9b:1::8.8.8.8", PRIVATE}, {"2002:7f00:1::", LOOPBACK},
	{"2002:c0a8:1::1", PRIVATE}, {"2002:808:808::1", PUBLIC}, {"2002:a9fe:a9fe::", LINK_LOCAL},
	{"0:0:0:0:0:0:0:1", LOOPBACK}, {"0000:0000:0000:0000:0000:ffff:7f00:0001", LOOPBACK},
};

/* Spellings that only a URL has. */
static const Case spellings[] = {
	{"localhost", LOOPBACK}, {"LOCALHOST", LOOPBACK}, {"localhost.", LOOPBACK},
	{"a.localhost", LOOPBACK}, {"notlocalhost", NAME}, {"localhost.example", NAME},
	{"127.1", LOOPBACK}, {"127.0.1", LOOPBACK}, {"0x7f.1", LOOPBACK}, {"0X7F.0x1", LOOPBACK},
	{"2130706433", LOOPBACK}, {"0x7f000001", LOOPBACK}, {"017700000001", LOOPBACK},
	{"0177.0.0.1", LOOPBACK}, {"127.0.0.1.", LOOPBACK}, {"10.1", PRIVATE},
	{"192.168.257", PRIVATE}, {"0xa9fea9fe", LINK_LOCAL}, {"134744072", PUBLIC},
	{"0", INVALID}, {"0x", INVALID}, {"4294967296", INVALID}, {"256.1.1.1", INVALID},
	{"1.2.3.256", INVALID}, {"1.2.65536", INVALID}, {"1.2.3.4.5", INVALID}, {"08.8.8.8", INVALID},
	{"127.0.0.1.1", INVALID}, {"1..2", INVALID}, {".1", INVALID}, {"a.1", INVALID},
	{"99999999999999999999999", INVALID},
	{"000000000000000000000000000000000000000177.1", INVALID},
	{"example.com", NAME}, {"api.reccobeats.com", NAME}, {"1.example", NAME}, {"0x7g", NAME},
	{"abc", NAME}, {"face", NAME}, {"", NAME}, {".", NAME}, {"1.1.1.1.example.com", NAME},
	{"fe80::1%eth0", LINK_LOCAL}, {"::1%lo", LOOPBACK}, {":::", INVALID}, {"1:2", INVALID},
	{"::ffff:0x7f.1", INVALID},
};

/* The class of an address once it is resolved. */
static RecoAddressClass
resolved(const char *text)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *in = (struct sockaddr_in *) &storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &storage;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		storage.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		storage.ss_family = AF_INET6;
	return reco_address_class((struct sockaddr *) &storage);
}

/* The class of a host as it is written. */
static RecoAddressClass
written(const char *host)
{
	RecoAddressClass class = NAME;

	return reco_address_of_host(host, &class) ? class : NAME;
}

static void
test_classes(void)
{
	struct sockaddr other = {.sa_family = AF_UNIX};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		ok(resolved(addresses[i].host) == addresses[i].class &&
			   written(addresses[i].host) == addresses[i].class, "%s", addresses[i].host);
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		ok(written(spellings[i].host) == spellings[i].class, "\"%s\"", spellings[i].host);
	ok(reco_address_class(&other) == INVALID, "another family");
}

static void
test_allowed(void)
{
	ok(reco_address_allowed(PUBLIC, false, false), "public is allowed");
	ok(!reco_address_allowed(LOOPBACK, false, true) &&
		   reco_address_allowed(LOOPBACK, true, false),
	   "loopback where that is allowed");
	ok(!reco_address_allowed(PRIVATE, true, false) &&
		   reco_address_allowed(PRIVATE, false, true),
	   "private where that is allowed");
	ok(!reco_address_allowed(LINK_LOCAL, true, false) &&
		   reco_address_allowed(LINK_LOCAL, false, true), "link-local, too");
	ok(!reco_address_allowed(INVALID, true, true) &&
		   !reco_address_allowed((RecoAddressClass) 99, true, true), "invalid never");
}

static void
test_urls(void)
{
	static const struct
	{
		const char *text;
		bool		tls;
		const char *host;
		int			port;
		const char *path;
	}			cases[] = {
		{"https://api.spotify.com/v1", true, "api.spotify.com", 443, "/v1"},
		{"http://127.0.0.1:8000", false, "127.0.0.1", 8000, ""},
		{"HTTP://LOCALHOST/", false, "localhost", 80, "/"},
		{"https://[::1]:65535/a/b", true, "::1", 65535, "/a/b"},
		{"http://[FE80::1]", false, "fe80::1", 80, ""},
		{"http://a_b-c.example.:1", false, "a_b-c.example.", 1, ""},
		{"http://h/a@b:c%20", false, "h", 80, "/a@b:c%20"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		RecoUrl		url;
		const char *why;

		ok(reco_url_parse(cases[i].text, &url, &why) && !why && url.tls == cases[i].tls &&
			   strcmp(url.host, cases[i].host) == 0 && url.port == cases[i].port &&
			   strcmp(url.path, cases[i].path) == 0, "%s", cases[i].text);
	}
}

static void
test_bad_urls(void)
{
	static const char *const cases[] = {
		"",
		"x",
		"ftp://h",
		"//h",
		"https:/h",
		"https://",
		"http:///p",
		"http://:80",
		"http://h:",
		"http://h:0",
		"http://h:65536",
		"http://h:99999999999",
		"http://h:8a",
		"http://h:-1",
		"http://u@h",
		"http://u:p@h",
		"http://h@",
		"http://h/?q",
		"http://h?q",
		"http://h#f",
		"http://h/#f",
		"http://h /",
		"http://h\t",
		" http://h",
		"http://h/a b",
		"http://h\n",
		"http://h\\@e",
		"http://h/\x7F",
		"http://\xC3\xA4.example",
		"http://h%2e",
		"http://[::1",
		"http://[::1]x",
		"http://[::1]8",
		"http://[]",
		"http://[1.2.3.4]",
		"http://[fe80::1%25eth0]",
		"http://::1",
		"http://a..b",
		"http://.a",
		"http://a,b",
		"http://h;x",
		"http://h|",
		"http://[h]",
		"http://h]",
	};
	char		longest[300] = "http://";
	RecoUrl		url;
	const char *why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(!reco_url_parse(cases[i], &url, &why) && why && *why, "\"%s\": %s", cases[i],
		   why ? why : "");
	ok(!reco_url_parse("http://u:p@h", &url, &why) && strstr(why, "user name"),
	   "a user name is called one");
	memset(longest + 7, 'a', 254);
	ok(!reco_url_parse(longest, &url, &why), "a host of 254 bytes");
	longest[260] = '\0';
	ok(reco_url_parse(longest, &url, &why), "a host of 253 bytes");
}

int
main(void)
{
	test_classes();
	test_allowed();
	test_urls();
	test_bad_urls();
	return tap_done();
}
