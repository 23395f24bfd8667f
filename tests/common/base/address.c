#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
knows_paths(void)
{
	static const struct {
		const char *address, *path;
	} cases[] = { { "/run/x.sock", "/run/x.sock" }, { "./x", "./x" },
		{ "unix:/run/x", "/run/x" }, { "unix:x", "x" }, { "x", NULL },
		{ "localhost:9000", NULL }, { ":9000", NULL } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *path = address_path(cases[i].address);

		CHECK(cases[i].path == NULL ? path == NULL
					    : path != NULL && strcmp(path, cases[i].path) == 0,
		    cases[i].address);
	}
}

static void
finds_addresses(void)
{
	static const struct {
		const char *address;
		in_addr_t host; /* of IPv4 */
		int family;
		unsigned port;
	} cases[] = {
		{ "127.0.0.1:9000", 0x7f000001, AF_INET, 9000 },
		{ "[127.0.0.1]:1", 0x7f000001, AF_INET, 1 },
		{ "[::1]:65535", 0, AF_INET6, 65535 },
		{ "::1:9000", 0, AF_INET6, 9000 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *why = NULL;
		struct addrinfo *found = address_find(cases[i].address, 0, &why);
		const struct sockaddr_in *in;

		CHECK(found != NULL && found->ai_family == cases[i].family, cases[i].address);
		if (found == NULL)
			continue;
		in = (const struct sockaddr_in *)(const void *)found->ai_addr;
		CHECK(
		    ntohs(in->sin_port) == cases[i].port, cases[i].address); /* the same in IPv6 */
		CHECK(found->ai_family != AF_INET || ntohl(in->sin_addr.s_addr) == cases[i].host,
		    cases[i].address);
		freeaddrinfo(found);
	}
}

static void
tells_all_from_this_machine(void)
{
	static const char *const addresses[] = { ":9000", "*:9000" };

	for (size_t i = 0; i < COUNT(addresses); i++)
		for (int flags = 0; flags <= AI_PASSIVE; flags += AI_PASSIVE) {
			const char *why = NULL;
			struct addrinfo *found = address_find(addresses[i], flags, &why);
			bool all = false, here = false;

			for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
				const struct sockaddr_in *in =
				    (const struct sockaddr_in *)(const void *)a->ai_addr;

				if (a->ai_family != AF_INET)
					continue;
				all |= in->sin_addr.s_addr == htonl(INADDR_ANY);
				here |= in->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
			}
			CHECK(flags == 0 ? here && !all : all && !here, addresses[i]);
			freeaddrinfo(found);
		}
}

static void
refuses_others(void)
{
	static const char *const addresses[] = { "", "x", "9000", "host:", "127.0.0.1:http",
		"127.0.0.1:70000x", "no such host:1" };
	char longest[300];
	const char *why;

	for (size_t i = 0; i < COUNT(addresses); i++) {
		why = NULL;
		CHECK(address_find(addresses[i], AI_NUMERICHOST, &why) == NULL && why != NULL,
		    addresses[i]);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 256, ":1", 3);
	CHECK(
	    address_find(longest, AI_NUMERICHOST, &why) == NULL && strstr(why, "host:port") != NULL,
	    "a long host");
}

CU_TestInfo base_address_tests[] = {
	{ "knows paths", knows_paths },
	{ "finds addresses", finds_addresses },
	{ "tells all from this machine", tells_all_from_this_machine },
	{ "refuses others", refuses_others },
	CU_TEST_INFO_NULL,
};
