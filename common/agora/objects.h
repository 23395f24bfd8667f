/*
 * objects.h - objects of JSON on their way between clients and Agora: which channel Agora's own
 * say that they are in, what of them is shown to nobody, and what a client's may not hold.
 */
#ifndef AGORA_OBJECTS_H
#define AGORA_OBJECTS_H

#include "agora.h"

/*
 * Whether the object says that it is in this channel, wherever Agora says so.  One that says
 * nothing of it: otherwise.  An object that names two channels is in neither.
 */
bool object_is_in(struct json_object *object, struct text channel, bool otherwise);

/* Whether Agora's filters take the channel's name for one word: letters, digits, - and _. */
bool is_plain_word(struct text channel);

/*
 * The items of the list that are in this channel (object_is_in), as a new list that lives as long
 * as the exchange; the list itself where all of them are.
 */
struct json_object *
objects_in(struct exchange *x, struct json_object *list, struct text channel, bool otherwise);

/* The list's object that has this text as its member; NULL: none. */
struct json_object *object_with(struct json_object *list, const char *member, struct text value);

/* Strikes stream keys, tokens and the like out of the value and what is below it. */
void object_hide_secrets(struct json_object *value);

/* Whether a member of this name holds a secret, or is a URL that ends with one. */
bool object_is_secret(const char *name);
bool object_is_stream_url(const char *name);

/* The part of a stream's URL that is its key: what follows the application, or the host. */
struct text stream_url_key(struct text url);
/* Its user and password, "" where it has none. */
struct text stream_url_user(struct text url);

/*
 * Whether the objects that the request hands on to Agora leave alone what this server decides:
 * where files are kept, and with which keys.  false: the exchange is answered with 400.
 */
bool objects_leave_storage(struct exchange *x);

#endif
