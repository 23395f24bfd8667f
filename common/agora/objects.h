/* objects.h - in which channel Agora's objects say that they are, and one of many found. */
#ifndef AGORA_OBJECTS_H
#define AGORA_OBJECTS_H

#include "call.h"

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

#endif
