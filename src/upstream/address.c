/*-------------------------------------------------------------------------
 *
 * address.c
 *	  Which addresses may be talked to.
 *
 * Purpose: see address.h.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	take an address for a name because it is oddly written; let an address
 *			through that is not known to be public.
 *
 *-------------------------------------------------------------------------
 */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* A range of addresses: the first 'bits' bits are those of 'prefix'. */
typedef struct Range4
{
	uint32_t	prefix;
	int			bits;
	RecoAddressClass class;
} Range4;

/* The same for IPv6; prefixes are no longer than 12 bytes. */
typedef struct Range6
{
	uint8_t		prefix[12];
	int			bits;
	int			inside;			/* where an IPv4 address begins; 0 = there is none */
	RecoAddressClass class;		/* where there is none */
} Range6;

/* Of IANA's registry of special purposes; what is left is public. */
static const Range4 ranges4[] = {
	{0x00000000, 8, RECO_ADDRESS_INVALID},	/* this network */
	{0x0A000000, 8, RECO_ADDRESS_PRIVATE},
	{0x64400000, 10, RECO_ADDRESS_PRIVATE}, /* shared: carriers, and some overlays */
	{0x7F000000, 8, RECO_ADDRESS_LOOPBACK},
	{0xA9FE0000, 16, RECO_ADDRESS_LINK_LOCAL},
	{0xAC100000, 12, RECO_ADDRESS_PRIVATE},
	{0xC0000000, 24, RECO_ADDRESS_INVALID}, /* protocol assignments */
	{0xC0000200, 24, RECO_ADDRESS_INVALID}, /* documentation */
	{0xC0586300, 24, RECO_ADDRESS_INVALID}, /* relays of 6to4 */
	{0xC0A80000, 16, RECO_ADDRESS_PRIVATE},
	{0xC6120000, 15, RECO_ADDRESS_PRIVATE}, /* benchmarks; local proxies use it, too */
	{0xC6336400, 24, RECO_ADDRESS_INVALID}, /* documentation */
	{0xCB007100, 24, RECO_ADDRESS_INVALID}, /* documentation */
	{0xE0000000, 3, RECO_ADDRESS_INVALID},	/* multicast, reserved, broadcast */
};

/* The first that fits counts. What is left and not in 2000::/3 is invalid. */
static const Range6 ranges6[] = {
	{{0}, 96, 12, 0},			/* compatible; :: and ::1 are looked at before */
	{{[10] = 0xFF, [11] = 0xFF}, 96, 12, 0},	/* mapped */
	{{[8] = 0xFF, [9] = 0xFF}, 96, 12, 0},	/* translated */
	{{0x00, 0x64, 0xFF, 0x9B}, 96, 12, 0},	/* NAT64 */
	{{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48, 0, RECO_ADDRESS_PRIVATE},	/* local NAT64 */
	{{0x20, 0x02}, 16, 2, 0},	/* 6to4 */
	{{0x20, 0x01, 0x00, 0x00}, 32, 0, RECO_ADDRESS_INVALID},	/* Teredo */
	{{0x20, 0x01, 0x0D, 0xB8}, 32, 0, RECO_ADDRESS_INVALID},	/* documentation */
	{{0x3F, 0xFF}, 20, 0, RECO_ADDRESS_INVALID},	/* documentation */
	{{0x20}, 3, 0, RECO_ADDRESS_PUBLIC},
	{{0xFC}, 7, 0, RECO_ADDRESS_PRIVATE},
	{{0xFE, 0x80}, 10, 0, RECO_ADDRESS_LINK_LOCAL},
	{{0xFE, 0xC0}, 10, 0, RECO_ADDRESS_PRIVATE},
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static RecoAddressClass class_of_ipv4(uint32_t address);
static RecoAddressClass class_of_ipv6(const uint8_t *bytes);
static bool starts_with(const uint8_t *bytes, const uint8_t *prefix, int bits);
static bool is_below_localhost(const char *host, size_t len);
static bool is_numeric_label(const char *label, size_t len);
static bool parse_ipv4(const char *host, size_t len, uint32_t *address);
static const char *take_host(const char *text, RecoUrl *url, const char **why);
static bool take_port(const char **text, int *port);

/* Judges a resolved address. */
RecoAddressClass
reco_address_class(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return class_of_ipv4(ntohl(in.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6)
	{
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		return class_of_ipv6(in6.sin6_addr.s6_addr);
	}
	return RECO_ADDRESS_INVALID;
}

/*
 * Judges a host as it is written. One whose last label is a number is an address,
 * a bad one if need be: no top level domain is a number.
 */
bool
reco_address_of_host(const char *host, RecoAddressClass *class)
{
	size_t		len = strlen(host);
	const char *last;
	uint32_t	address;

	if (strchr(host, ':'))
	{
		char		bare[INET6_ADDRSTRLEN];
		uint8_t		bytes[16];

		len = strcspn(host, "%");
		*class = RECO_ADDRESS_INVALID;
		if (len < sizeof(bare))
		{
			memcpy(bare, host, len);
			bare[len] = '\0';
			if (inet_pton(AF_INET6, bare, bytes) == 1)
				*class = class_of_ipv6(bytes);
		}
		return true;
	}
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (is_below_localhost(host, len))
	{
		*class = RECO_ADDRESS_LOOPBACK;
		return true;
	}
	for (last = host + len; last > host && last[-1] != '.'; last--)
		;
	if (!is_numeric_label(last, (size_t) (host + len - last)))
		return false;
	*class =
		parse_ipv4(host, len, &address) ? class_of_ipv4(address) : RECO_ADDRESS_INVALID;
	return true;
}

/* Tells whether an address of a class may be talked to. */
bool
reco_address_allowed(RecoAddressClass class, bool allow_loopback, bool allow_private)
{
	switch (class)
	{
		case RECO_ADDRESS_PUBLIC:
			return true;
		case RECO_ADDRESS_LOOPBACK:
			return allow_loopback;
		case RECO_ADDRESS_PRIVATE:
		case RECO_ADDRESS_LINK_LOCAL:
			return allow_private;
		default:
			return false;
	}
}

/*
 * Takes a base address apart. It is stricter than libcurl, so that the two never
 * see different hosts: no percent signs, no letters beyond ASCII, no backslash.
 */
bool
reco_url_parse(const char *text, RecoUrl *url, const char **why)
{
	memset(url, 0, sizeof(*url));
	url->path = "";
	*why = NULL;
	for (const char *at = text; *at; at++)
	{
		if ((unsigned char) *at <= ' ' || *at == 0x7F)
			*why = "it contains white space or control characters";
		else if ((unsigned char) *at > 0x7F)
			*why = "it contains characters other than ASCII";
		else if (*at == '\\')
			*why = "it contains a backslash";
		else if (*at == '?' || *at == '#')
			*why = "it contains a query or a fragment";
		if (*why)
			return false;
	}
	url->tls = strncasecmp(text, "https://", 8) == 0;
	if (!url->tls && strncasecmp(text, "http://", 7) != 0)
	{
		*why = "it does not begin with http:// or https://";
		return false;
	}
	text += url->tls ? 8 : 7;
	url->port = url->tls ? 443 : 80;
	if (memchr(text, '@', strcspn(text, "/")))
	{
		*why = "it contains a user name";
		return false;
	}
	text = take_host(text, url, why);
	if (!text)
		return false;
	if (*text == ':' && !take_port(&text, &url->port))
		*why = "its port is not 1 to 65535";
	else if (*text && *text != '/')
		*why = "its host is malformed";
	url->path = *why ? "" : text;
	return *why == NULL;
}

static RecoAddressClass
class_of_ipv4(uint32_t address)
{
	for (size_t i = 0; i < COUNT(ranges4); i++)
		if ((address ^ ranges4[i].prefix) >> (32 - ranges4[i].bits) == 0)
			return ranges4[i].class;
	return RECO_ADDRESS_PUBLIC;
}

static RecoAddressClass
class_of_ipv6(const uint8_t *bytes)
{
	static const uint8_t zeros[15] = {0};

	if (memcmp(bytes, zeros, 15) == 0 && bytes[15] <= 1)
		return bytes[15] == 1 ? RECO_ADDRESS_LOOPBACK : RECO_ADDRESS_INVALID;
	for (size_t i = 0; i < COUNT(ranges6); i++)
	{
		const uint8_t *in = bytes + ranges6[i].inside;

		if (!starts_with(bytes, ranges6[i].prefix, ranges6[i].bits))
			continue;
		if (ranges6[i].inside == 0)
			return ranges6[i].class;
		return class_of_ipv4((uint32_t) in[0] << 24 | (uint32_t) in[1] << 16 |
							 (uint32_t) in[2] << 8 | in[3]);
	}
	return RECO_ADDRESS_INVALID;
}

static bool
starts_with(const uint8_t *bytes, const uint8_t *prefix, int bits)
{
	int			rest = bits % 8;

	if (memcmp(bytes, prefix, (size_t) bits / 8) != 0)
		return false;
	return rest == 0 || (bytes[bits / 8] ^ prefix[bits / 8]) >> (8 - rest) == 0;
}

/* "localhost", and what ends with ".localhost" (RFC 6761). */
static bool
is_below_localhost(const char *host, size_t len)
{
	return len >= 9 && strncasecmp(host + len - 9, "localhost", 9) == 0 &&
		(len == 9 || host[len - 10] == '.');
}

/* Digits only, or hexadecimal ones behind 0x. */
static bool
is_numeric_label(const char *label, size_t len)
{
	bool		hex = len >= 2 && label[0] == '0' && (label[1] | 32) == 'x';

	for (size_t i = hex ? 2 : 0; i < len; i++)
		if (!((label[i] >= '0' && label[i] <= '9') ||
			  (hex && (label[i] | 32) >= 'a' && (label[i] | 32) <= 'f')))
			return false;
	return len > 0;
}

/*
 * Reads IPv4 as inet_aton does: one to four numbers, decimal, octal (leading 0) or
 * hexadecimal; the last fills all bytes that are left.
 */
static bool
parse_ipv4(const char *host, size_t len, uint32_t *address)
{
	const char *end = host + len;
	uint64_t	parts[4];
	int			n = 0;

	for (; n < 4; n++)
	{
		const char *dot = memchr(host, '.', (size_t) (end - host));
		const char *stop = dot ? dot : end;
		char		label[32];
		char	   *after;

		if (!is_numeric_label(host, (size_t) (stop - host)) ||
			(size_t) (stop - host) >= sizeof(label))
			return false;
		memcpy(label, host, (size_t) (stop - host));
		label[stop - host] = '\0';
		parts[n] = strtoull(label, &after, 0);
		if (*after || parts[n] > UINT32_MAX)
			return false;
		host = stop + 1;
		if (!dot)
			break;
	}
	if (n == 4)
		return false;
	*address = 0;
	for (int i = 0; i <= n; i++)
	{
		if (parts[i] > (i < n ? 0xFF : UINT32_MAX >> 8 * n))
			return false;
		*address |= (uint32_t) parts[i] << (i < n ? 24 - 8 * i : 0);
	}
	return true;
}

/* Reads the host; the text behind it, or NULL. */
static const char *
take_host(const char *text, RecoUrl *url, const char **why)
{
	bool		brackets = *text == '[';
	size_t		len = brackets ? strcspn(++text, "]") : strcspn(text, ":/");
	uint8_t		bytes[16];

	*why = "its host is malformed";
	if (len == 0 || len > 253 || (brackets && text[len] != ']'))
		return NULL;
	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 32 : text[i];
		bool		good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(brackets ? c == ':' || c == '.' : c == '-' || c == '_') ||
			(c == '.' && i > 0 && text[i - 1] != '.');

		if (!good)
			return NULL;
		url->host[i] = c;
	}
	url->host[len] = '\0';
	if (brackets && inet_pton(AF_INET6, url->host, bytes) != 1)
		return NULL;
	*why = NULL;
	return text + len + (brackets ? 1 : 0);
}

/* Reads :port and steps over it. */
static bool
take_port(const char **text, int *port)
{
	size_t		len = strspn(*text + 1, "0123456789");

	if (len == 0 || len > 5)
		return false;
	*port = atoi(*text + 1);
	*text += 1 + len;
	return *port >= 1 && *port <= 65535;
}
