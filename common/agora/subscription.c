#include <stdio.h>
#include <strings.h>

#include "subscription.h"
#include "value.h"

#define UIDS_MAX 32 /* in a list */

enum { AUDIO_WANTED, AUDIO_AVOIDED, VIDEO_WANTED, VIDEO_AVOIDED, LISTS };

/* As Agora's pages spell them, and as its Go and Java clients do. */
static const char *const documented[LISTS] = { "subscribeAudioUids", "unsubscribeAudioUids",
	"subscribeVideoUids", "unsubscribeVideoUids" };
static const char *const of_clients[LISTS] = { NULL, "unSubscribeAudioUids", NULL,
	"unSubscribeVideoUids" };
/* The middleware misspelt one of them, and its clients learned that. */
static const char *const misspelt[LISTS] = { NULL, "unsunscribeAudioUids", NULL,
	"unsunscribeVideoUids" };

/* Which list a member is; LISTS: none. */
static int
list_of(const char *name)
{
	for (int i = 0; i < LISTS; i++)
		if (strcasecmp(name, documented[i]) == 0 ||
		    (misspelt[i] != NULL && strcasecmp(name, misspelt[i]) == 0))
			return i;
	return LISTS;
}

/* subscribeUidGroup is a size, not a list; anything else with that word means one. */
static bool
means_a_list(const char *name)
{
	return (strcasestr(name, "subscri") != NULL || strcasestr(name, "unsun") != NULL ||
		   strcasestr(name, "exclu") != NULL) &&
	    strcasecmp(name, "subscribeUidGroup") != 0;
}

static bool
refuse(struct exchange *x, const char *field, const char *name, const char *rule)
{
	char path[96];

	snprintf(path, sizeof(path), "%s.%s", field, name);
	exchange_fail(x, ERROR_INVALID_FIELD, name[0] == '\0' ? field : path, rule);
	return false;
}

static bool
check_list(struct exchange *x, const char *field, const char *name, struct json_object *list)
{
	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > UIDS_MAX)
		return refuse(x, field, name, "must be a list of at most 32 uids");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_string))
			return refuse(
			    x, field, name, "must hold uids as strings, or \"#allstream#\"");
	return true;
}

/* Finds the lists; names[i] is the spelling of each that is there. */
static bool
find_lists(struct exchange *x, struct json_object *object, const char *field,
    const char *names[static LISTS])
{
	json_object_object_foreach(object, name, value) {
		const int i = list_of(name);

		if (value == NULL)
			continue;
		if (i == LISTS && !means_a_list(name))
			continue;
		if (i == LISTS)
			return refuse(x, field, "",
			    "has a list of users that Agora does not know; it knows "
			    "subscribeAudioUids, unsubscribeAudioUids, subscribeVideoUids and "
			    "unsubscribeVideoUids");
		if (names[i] != NULL)
			return refuse(x, field, documented[i], "is given twice");
		if (!check_list(x, field, documented[i], value))
			return false;
		names[i] = name;
	}
	return true;
}

static bool
is_empty(struct json_object *object, const char *name)
{
	return name != NULL && json_object_array_length(json_object_object_get(object, name)) == 0;
}

static void
remove_list(struct json_object *object, const char **name)
{
	json_object_object_del(object, *name);
	*name = NULL;
}

static void
remove_nulls(struct json_object *object)
{
	json_object_object_foreach(object, name, value)
		if (value == NULL)
			json_object_object_del(object, name);
}

/* A list under a name that only we take gets the one that Agora's pages use. */
static void
rename_list(struct json_object *object, const char *name, int i)
{
	struct json_object *list;

	if (strcmp(name, documented[i]) == 0 ||
	    (of_clients[i] != NULL && strcmp(name, of_clients[i]) == 0))
		return;
	list = json_object_get(json_object_object_get(object, name));
	json_object_object_del(object, name);
	json_set(object, documented[i], list);
}

bool
subscription_tidy(struct exchange *x, struct json_object *object, const char *field, bool starting)
{
	const char *names[LISTS] = { NULL };

	remove_nulls(object);
	if (!find_lists(x, object, field, names))
		return false;
	for (int want = 0; want < LISTS; want += 2) {
		const int avoid = want + 1;

		if (is_empty(object, names[avoid]) && (starting || names[want] != NULL))
			remove_list(object, &names[avoid]);
		else if (is_empty(object, names[want]) && names[avoid] != NULL)
			remove_list(object, &names[want]);
		if (names[avoid] != NULL && names[want] != NULL)
			return refuse(
			    x, field, documented[avoid], "excludes the list to subscribe to");
	}
	for (int i = 0; i < LISTS; i++)
		if (names[i] != NULL)
			rename_list(object, names[i], i);
	return true;
}

bool
subscription_is_given(struct json_object *object, const char *kind)
{
	const int first = kind[0] == 'A' ? AUDIO_WANTED : VIDEO_WANTED;

	for (int i = first; i < first + 2; i++)
		if (json_object_object_get_ex(object, documented[i], NULL) ||
		    (of_clients[i] != NULL &&
			json_object_object_get_ex(object, of_clients[i], NULL)))
			return true;
	return false;
}
