/*-------------------------------------------------------------------------
 *
 * address.h
 *	  Which addresses may be talked to.
 *
 * Purpose: judge an address, whether it is written in a URL or was resolved;
 *			and take a URL apart.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	resolve a name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_ADDRESS_H
#define RECO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

struct sockaddr;

typedef enum RecoAddressClass
{
	RECO_ADDRESS_PUBLIC = 0,
	RECO_ADDRESS_LOOPBACK,		/* 127/8, ::1, and as IPv4-mapped */
	RECO_ADDRESS_PRIVATE,		/* 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7 */
	RECO_ADDRESS_LINK_LOCAL,	/* 169.254/16, fe80::/10 */
	RECO_ADDRESS_INVALID		/* 0/8, multicast, broadcast, reserved, other families */
} RecoAddressClass;

/* IPv4 inside IPv6 (mapped, compatible, 6to4, NAT64) is judged as IPv4. */
extern RecoAddressClass reco_address_class(const struct sockaddr *address);

/* The class of a host as written in a URL; false when it is a name, not an address.
 * "localhost" and names below it are loopback. Odd spellings of IPv4 (0x7f.1,
 * 2130706433) are addresses, as getaddrinfo takes them for ones. */
extern bool reco_address_of_host(const char *host, RecoAddressClass *class);

extern bool reco_address_allowed(RecoAddressClass class, bool allow_loopback,
								 bool allow_private);

/* The parts of an http or https URL. */
typedef struct RecoUrl
{
	bool		tls;
	char		host[256];		/* lower case, without brackets */
	int			port;
	const char *path;			/* into the URL; "" when there is none */
} RecoUrl;

/*
 * Takes a base address apart. False, with a static text in 'why', for anything
 * but http(s)://host[:port][/path]: user info, query, fragment, white space,
 * control characters, a port out of range.
 */
extern bool reco_url_parse(const char *text, RecoUrl *url, const char **why);

#endif							/* RECO_ADDRESS_H */
