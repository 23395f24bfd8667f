/*
 * unit.h - what unit tests share.  A file tests one module and defines its tests; unit.c lists the
 * files.  Cases are tables walked by one loop, which names the case that failed.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"

/* Like CU_ASSERT_TRUE, and says which case of a table it was. */
#define CHECK(condition, case_name)                                                                \
	do {                                                                                       \
		bool fine_ = (condition);                                                          \
		if (!fine_)                                                                        \
			fprintf(stderr, "%s:%d: case \"%s\": %s\n", __FILE__, __LINE__, case_name, \
			    #condition);                                                           \
		CU_ASSERT_TRUE(fine_);                                                             \
	} while (0)

/* Whether the text is exactly this. */
static inline bool
same_text(struct text text, const char *expected)
{
	bool same = text.data != NULL && text.length == strlen(expected) &&
	    memcmp(text.data, expected, text.length) == 0;

	if (!same)
		fprintf(stderr, "got \"%.*s\", expected \"%s\"\n", (int)text.length,
		    text.data == NULL ? "" : text.data, expected);
	return same;
}

/*
 * A copy of the bytes that ends where an unreadable page begins, so that reading one byte too many
 * ends the test.  Never freed; tests are short-lived.
 */
const char *guarded(const void *bytes, size_t length);

/* The text of a file below tests/, terminated; ends the program when it cannot be read. */
struct text test_file(const char *path);

#endif
