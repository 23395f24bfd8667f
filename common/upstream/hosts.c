#include <stdio.h>

#include "hosts.h"

static const struct area {
	const char *name; /* of AGORA_AREA; NULL: the whole world */
	const char *prefixes[2];
	const char *suffixes[2];
} areas[] = {
	{ NULL, { "api", NULL }, { "agora.io", "sd-rtn.com" } },
	{ "US", { "api-us-west-1", "api-us-east-1" }, { "agora.io", "sd-rtn.com" } },
	{ "EU", { "api-eu-west-1", "api-eu-central-1" }, { "agora.io", "sd-rtn.com" } },
	{ "AP", { "api-ap-southeast-1", "api-ap-northeast-1" }, { "agora.io", "sd-rtn.com" } },
	{ "CN", { "api-cn-east-1", "api-cn-north-1" }, { "sd-rtn.com", "agora.io" } },
};
#define AREA_COUNT (sizeof(areas) / sizeof(areas[0]))

static void
add_area(struct hosts *hosts, const struct area *area)
{
	hosts->agora = true;
	for (int region = 0; region < 2 && area->prefixes[region] != NULL; region++)
		for (int suffix = 0; suffix < 2; suffix++) {
			struct host *host = &hosts->list[hosts->count++];

			*host = (struct host){ .region = region, .suffix = suffix };
			snprintf(host->base, sizeof(host->base), "https://%s.%s",
			    area->prefixes[region], area->suffixes[suffix]);
		}
}

/* The area that one of Agora's own host names belongs to, else NULL. */
static const struct area *
area_of_host(struct text name)
{
	char known[64];

	for (size_t a = 0; a < AREA_COUNT; a++)
		for (int p = 0; p < 2 && areas[a].prefixes[p] != NULL; p++)
			for (int s = 0; s < 2; s++) {
				snprintf(known, sizeof(known), "%s.%s", areas[a].prefixes[p],
				    areas[a].suffixes[s]);
				if (text_is_nocase(name, known))
					return &areas[a];
			}
	return NULL;
}

/* The host name in a URL, without port and path. */
static struct text
host_name(struct text url)
{
	const char *start = memmem(url.data, url.length, "://", 3);
	size_t skip = start == NULL ? 0 : (size_t)(start - url.data) + 3, n = 0;

	url = (struct text){ url.data + skip, url.length - skip };
	while (n < url.length && url.data[n] != '/' && url.data[n] != ':')
		n++;
	return (struct text){ url.data, n };
}

static bool
is_plain(struct text url)
{
	for (size_t i = 0; i < url.length; i++)
		if (url.data[i] <= 0x20 || url.data[i] >= 0x7f || url.data[i] == '@' ||
		    url.data[i] == '?' || url.data[i] == '#')
			return false;
	return true;
}

bool
hosts_init(struct hosts *hosts, struct text base_url, struct text area, struct buf *error)
{
	const struct area *named = NULL, *implied = NULL;

	*hosts = (struct hosts){ .count = 0 };
	for (size_t a = 1; a < AREA_COUNT && area.data != NULL; a++)
		if (text_is_nocase(area, areas[a].name))
			named = &areas[a];
	if (area.data != NULL && named == NULL) {
		buf_text(error, "AGORA_AREA: must be US, EU, AP or CN");
		return false;
	}
	while (base_url.length > 0 && base_url.data[base_url.length - 1] == '/')
		base_url.length--;
	if (base_url.data != NULL)
		implied = area_of_host(host_name(base_url));
	if (base_url.data == NULL || implied != NULL) {
		add_area(hosts, named != NULL ? named : implied != NULL ? implied : &areas[0]);
		return true;
	}
	if ((strncmp(base_url.data, "https://", 8) != 0 &&
		strncmp(base_url.data, "http://", 7) != 0) ||
	    !is_plain(base_url) || base_url.length >= sizeof(hosts->list[0].base)) {
		buf_text(error, "AGORA_BASE_URL: must be http:// or https:// and a host");
		return false;
	}
	hosts->count = 1;
	memcpy(hosts->list[0].base, base_url.data, base_url.length);
	return true;
}

static bool
rests(const struct host *host, int64_t now)
{
	return host->failed != 0 && now - host->failed < HOST_REST_MS;
}

/* The best of those that are not tried: rested ones in order, then the one that failed first. */
static size_t
best(const struct hosts *hosts, unsigned tried, int64_t now)
{
	size_t found = hosts->count;

	for (size_t i = 0; i < hosts->count; i++) {
		if (tried & 1U << i)
			continue;
		if (!rests(&hosts->list[i], now))
			return i;
		if (found == hosts->count || hosts->list[i].failed < hosts->list[found].failed)
			found = i;
	}
	return found;
}

size_t
hosts_first(const struct hosts *hosts, int64_t now)
{
	return best(hosts, 0, now);
}

size_t
hosts_next(
    const struct hosts *hosts, size_t at, enum host_failure failure, unsigned tried, int64_t now)
{
	const struct host *failed = &hosts->list[at];
	size_t i;

	for (int pass = 0; pass < 2; pass++)
		for (i = 0; i < hosts->count; i++) {
			const struct host *host = &hosts->list[i];
			bool same_region = host->region == failed->region;

			if (tried & 1U << i || (pass == 0 && rests(host, now)))
				continue;
			if (same_region == (failure == HOST_NO_NAME))
				return i;
		}
	i = best(hosts, tried, now);
	return i == hosts->count ? best(hosts, 0, now) : i; /* all were tried: begin anew */
}

void
hosts_failed(struct hosts *hosts, size_t at, int64_t now)
{
	hosts->list[at].failed = now;
}

void
hosts_answered(struct hosts *hosts, size_t at)
{
	hosts->list[at].failed = 0;
}
