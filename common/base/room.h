/*
 * room.h - how many bytes something may hold in all, whoever holds them.  Stops of what costs
 * money may use all of it, everything else but an eighth.
 */
#ifndef BASE_ROOM_H
#define BASE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

struct room {
	size_t most, held;
};

/* Whether `more` bytes fit.  room NULL: there is no bound. */
static inline bool
room_fits(const struct room *room, size_t more, bool is_stop)
{
	size_t most;

	if (room == NULL)
		return true;
	most = is_stop ? room->most : room->most - room->most / 8;
	return room->held <= most && more <= most - room->held;
}

/* Holds `now` bytes in place of *before; whether they fit is the caller's to ask. */
static inline void
room_hold(struct room *room, size_t *before, size_t now)
{
	if (room != NULL)
		room->held += now - *before;
	*before = now;
}

#endif
