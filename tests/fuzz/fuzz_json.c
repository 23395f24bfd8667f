/*
 * The reader of JSON, with all of its flags and any bound: the first two bytes choose them, the
 * rest is the text.
 */
#include <string.h>

#include "fuzz.h"
#include "json.h"

#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* What json-c made of it: the names once that equal ones share. */
static size_t
count(struct json_object *value)
{
	size_t values = 1;

	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member) {
			MUST(name != NULL);
			values += 1 + count(member);
		}
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			values += count(json_object_array_get_idx(value, i));
	}
	return values;
}

/* What was read is written as a text that is read as the same. */
static void
check_round_trip(struct json_object *value)
{
	const struct text text = text_of(json_object_to_json_string_ext(value, PLAIN));
	struct json_error error;
	struct json_object *again = json_read(text, JSON_NUL_ALLOWED | JSON_UNIQUE, &error);
	struct text second;

	MUST(error.problem == JSON_FINE);
	second = text_of(json_object_to_json_string_ext(again, PLAIN));
	MUST(second.length == text.length && memcmp(second.data, text.data, text.length) == 0);
	json_object_put(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned flags = size > 0 ? data[0] & 7U : 0;
	const size_t most = size > 1 && data[1] != 255 ? data[1] : SIZE_MAX,
		     skip = size < 2 ? size : 2;
	/* A copy without room after it. */
	char *bytes = xcalloc(1, size - skip + 1);
	char *text = realloc(bytes, size == skip ? 1 : size - skip);
	struct json_error error = { JSON_FINE, SIZE_MAX }, without;
	struct json_object *value, *all;

	MUST(text != NULL);
	memcpy(text, data + skip, size - skip);
	value = json_read_most((struct text){ text, size - skip }, flags, most, &error);
	all = json_read((struct text){ text, size - skip }, flags, &without);
	MUST(
	    error.at <= size - skip && json_line((struct text){ text, size - skip }, error.at) > 0);
	MUST(json_problem_text(error.problem)[0] != '\0');
	if (error.problem != JSON_FINE) {
		MUST(value == NULL);
		/* A bound changes nothing but that it is reached. */
		MUST(error.problem == JSON_MANY ||
		    (error.problem == without.problem && error.at == without.at));
	} else {
		MUST(without.problem == JSON_FINE && json_object_equal(value, all));
		MUST(count(value) <= most);
		check_round_trip(value);
	}
	json_object_put(value);
	json_object_put(all);
	free(text);
	return 0;
}
