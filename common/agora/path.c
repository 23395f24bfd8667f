#include <ctype.h>

#include "path.h"
#include "services.h"

static void
free_buf(void *object)
{
	buf_free(object);
}

struct buf *
agora_path(struct exchange *x, struct text url_template, const char *region)
{
	static const char mark[] = "{appId}";
	struct buf *path = arena_alloc(&x->arena, 1, sizeof(*path));
	const char *at = memmem(url_template.data, url_template.length, mark, sizeof(mark) - 1);
	size_t before = at == NULL ? url_template.length : (size_t)(at - url_template.data);

	exchange_defer(x, free_buf, path);
	if (region != NULL)
		buf_printf(path, "/%s", region);
	if (before == 0 || url_template.data[0] != '/')
		buf_text(path, "/");
	buf_add(path, url_template.data, before);
	if (at != NULL) {
		struct text app_id = services_project(x).app_id;
		size_t behind = before + sizeof(mark) - 1;

		buf_add(path, app_id.data, app_id.length);
		buf_add(path, url_template.data + behind, url_template.length - behind);
	}
	while (path->length > 1 && path->data[path->length - 1] == '/')
		path->length--;
	return path;
}

static void
add_escaped(struct buf *path, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (isalnum(c) || memchr("-_.~", c, 4) != NULL)
			buf_add(path, &c, 1);
		else
			buf_printf(path, "%%%02X", c);
	}
}

void
agora_segment(struct buf *path, struct text id)
{
	buf_text(path, "/");
	add_escaped(path, id);
}

void
agora_query(struct buf *path, char *join, const char *name, struct text value)
{
	if (value.data == NULL)
		return;
	buf_printf(path, "%c%s=", *join, name);
	add_escaped(path, value);
	*join = '&';
}

bool
is_agora_id(struct text value, struct field_error *error)
{
	for (size_t i = 0; i < value.length; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (!isalnum(c) && memchr("-_.~=", c, 5) == NULL) {
			field_rule(error, "is no id that Agora gave: byte %zu is 0x%02x", i + 1, c);
			return false;
		}
	}
	if (text_is(value, ".") || text_is(value, "..")) {
		field_rule(error, "is no id that Agora gave");
		return false;
	}
	return true;
}

/* Whether the segment is . or .. for whoever decodes it, once or more often. */
static bool
is_dots(struct text segment)
{
	size_t dots = 0;

	while (segment.length > 0) {
		size_t n = 1;

		if (segment.data[0] == '%') {
			while (segment.length - n >= 2 && memcmp(segment.data + n, "25", 2) == 0)
				n += 2;
			if (segment.length - n < 2 || segment.data[n] != '2' ||
			    (segment.data[n + 1] | 0x20) != 'e')
				return false;
			n += 2;
		} else if (segment.data[0] != '.') {
			return false;
		}
		dots++;
		segment = (struct text){ segment.data + n, segment.length - n };
	}
	return dots == 1 || dots == 2;
}

bool
agora_path_has_dots(struct text path)
{
	const char *mark = memchr(path.data, '?', path.length);

	if (mark != NULL)
		path.length = (size_t)(mark - path.data);
	while (path.length > 0) {
		const char *slash = memchr(path.data, '/', path.length);
		size_t n = slash == NULL ? path.length : (size_t)(slash - path.data);

		if (is_dots((struct text){ path.data, n }))
			return true;
		n += slash == NULL ? 0 : 1;
		path = (struct text){ path.data + n, path.length - n };
	}
	return false;
}
