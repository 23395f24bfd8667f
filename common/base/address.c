#include <string.h>
#include <sys/socket.h>

#include "address.h"

const char *
address_path(const char *address)
{
	if (strncmp(address, "unix:", 5) == 0)
		return address + 5;
	return strchr(address, '/') != NULL ? address : NULL;
}

struct addrinfo *
address_find(const char *address, int flags, const char **why)
{
	const struct addrinfo hints = { .ai_flags = flags | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[256];
	const char *colon = strrchr(address, ':'), *name = host;
	size_t length;
	int code;

	if (colon == NULL || colon[1] == '\0' || (size_t)(colon - address) >= sizeof(host)) {
		*why = "give a path with a / in it, or host:port";
		return NULL;
	}
	length = (size_t)(colon - address);
	memcpy(host, address, length);
	host[length] = '\0';
	if (length > 1 && host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		name = host + 1;
	}
	if (*name == '\0' || strcmp(name, "*") == 0)
		name = NULL;
	code = getaddrinfo(name, colon + 1, &hints, &found);
	if (code == 0)
		return found;
	*why = gai_strerror(code);
	return NULL;
}
