/*
 * hosts.h - which hosts answer for Agora's REST API, and in which order to try them.
 * Source: Agora's "Domain names and failover": two equivalent suffixes, regional prefixes.
 */
#ifndef UPSTREAM_HOSTS_H
#define UPSTREAM_HOSTS_H

#include "buf.h"

#define HOSTS_MAX 4
#define HOST_REST_MS 60000 /* a host that failed is tried last for so long */

struct host {
	char base[512]; /* "https://api.agora.io", or what AGORA_BASE_URL says, no slash at the end
	                 */
	int region, suffix; /* which prefix, which suffix */
	int64_t failed;     /* monotonic ms of the last failure; 0 = none */
};

struct hosts {
	struct host list[HOSTS_MAX]; /* in Agora's order of preference */
	size_t count;
	bool agora; /* they are Agora's own */
};

/* Why the last try failed decides where the next one goes. */
enum host_failure {
	HOST_NO_NAME, /* DNS: the other suffix of the same region */
	HOST_DOWN,    /* connect, TLS, timeout, 5xx: the next region */
};

/*
 * base_url and area as the settings give them, each may be absent.  An Agora host in base_url
 * means its area with all its hosts; any other is the only one.  false with *error set.
 */
bool hosts_init(struct hosts *hosts, struct text base_url, struct text area, struct buf *error);

/* Where a call begins: the first that has not failed of late, else the one that failed longest ago.
 */
size_t hosts_first(const struct hosts *hosts, int64_t now);

/* Where it goes on after `at` failed; tried has a bit for each host that was tried. */
size_t hosts_next(
    const struct hosts *hosts, size_t at, enum host_failure failure, unsigned tried, int64_t now);

void hosts_failed(struct hosts *hosts, size_t at, int64_t now);
void hosts_answered(struct hosts *hosts, size_t at);

#endif
