/*
 * reference.c - a program that writes the API's description as a page for people.  It runs when the
 * page is made and is not installed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "json.h"
#include "openapi.h"
#include "routes.h"

static struct json_object *document;

/* The document */

/* The member; NULL where there is none. */
static struct json_object *
at(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (object != NULL && json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &value);
	return value;
}

static const char *
words(struct json_object *object, const char *name)
{
	struct json_object *value = at(object, name);

	return value == NULL ? "" : json_object_get_string(value);
}

static size_t
length(struct json_object *array)
{
	return array == NULL ? 0 : json_object_array_length(array);
}

static struct json_object *
item(struct json_object *array, size_t i)
{
	return json_object_array_get_idx(array, i);
}

/* The name behind a $ref; NULL where there is none. */
static const char *
reference(struct json_object *value)
{
	const char *path = at(value, "$ref") == NULL ? NULL : words(value, "$ref");

	return path == NULL ? NULL : strrchr(path, '/') + 1;
}

static struct json_object *
schema_of(struct json_object *value)
{
	const char *name = reference(value);

	return name == NULL ? value : at(at(at(document, "components"), "schemas"), name);
}

/* Text */

/* `code` in backticks; paths may break behind each slash. */
static void
put(const char *text)
{
	bool in_code = false;

	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<': fputs("&lt;", stdout); break;
		case '>': fputs("&gt;", stdout); break;
		case '&': fputs("&amp;", stdout); break;
		case '"': fputs("&quot;", stdout); break;
		case '`':
			fputs(in_code ? "</code>" : "<code>", stdout);
			in_code = !in_code;
			break;
		default: putchar(*text);
		}
	}
}

static void
put_code(const char *text)
{
	fputs("<code>", stdout);
	for (; *text != '\0'; text++) {
		const char one[] = { *text, '\0' };

		put(one);
		if (*text == '/')
			fputs("<wbr>", stdout);
	}
	fputs("</code>", stdout);
}

static void
put_json(struct json_object *value)
{
	put(json_object_to_json_string_ext(value,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* Rules */

static bool
has_type(struct json_object *schema, const char *name)
{
	struct json_object *type = at(schema, "type");

	if (type != NULL && json_object_is_type(type, json_type_string))
		return strcmp(json_object_get_string(type), name) == 0;
	for (size_t i = 0; i < length(type); i++)
		if (strcmp(json_object_get_string(item(type, i)), name) == 0)
			return true;
	return false;
}

static void
put_type(struct json_object *schema)
{
	static const struct {
		const char *type, *words;
	} types[] = { { "string", "text" }, { "integer", "a whole number" },
		{ "boolean", "true or false" }, { "array", "a list" }, { "object", "an object" },
		{ "null", "null" } };
	const char *join = "";

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (has_type(schema, types[i].type)) {
			printf("%s%s", join, types[i].words);
			join = " or ";
		}
	if (has_type(schema, "array") && has_type(at(schema, "items"), "string"))
		fputs(" of texts", stdout);
}

static void
put_choices(struct json_object *choices)
{
	for (size_t i = 0; i < length(choices); i++) {
		const bool last = i + 1 == length(choices);

		if (i > 0)
			fputs(last ? " or " : ", ", stdout);
		put_code(json_object_to_json_string(item(choices, i)));
	}
}

/* "a whole number, 0 to 4294967295, default 3600" */
static void
put_rule(struct json_object *schema)
{
	struct json_object *choices = at(schema, "anyOf");

	for (size_t i = 0; i < length(choices); i++) {
		fputs(i == 0 ? "" : "; or ", stdout);
		put_rule(item(choices, i));
	}
	if (at(schema, "enum") != NULL)
		put_choices(at(schema, "enum"));
	else if (choices == NULL)
		put_type(schema);
	if (at(schema, "maximum") != NULL)
		printf(", %s to %s", words(schema, "minimum"), words(schema, "maximum"));
	else if (at(schema, "minimum") != NULL)
		printf(", from %s on", words(schema, "minimum"));
	if (at(schema, "maxLength") != NULL)
		printf(", %s to %s bytes", at(schema, "minLength") == NULL ? "0" : "1",
		    words(schema, "maxLength"));
	if (at(schema, "maxItems") != NULL)
		printf(", at most %s", words(schema, "maxItems"));
	if (at(schema, "pattern") != NULL) {
		fputs(", like ", stdout);
		put_code(words(schema, "pattern"));
	}
	if (at(schema, "default") != NULL) {
		fputs(", default ", stdout);
		put_code(words(schema, "default"));
	}
}

static void
put_field(const char *prefix, const char *name, const char *meaning, struct json_object *schema,
    bool must)
{
	fputs("<dt>", stdout);
	put_code(prefix);
	put_code(name);
	fputs("</dt>\n<dd>", stdout);
	put(meaning);
	fputs(" <span class=\"note\">", stdout);
	put_rule(schema);
	fputs(must ? "; <strong>required</strong>" : "", stdout);
	fputs("</span></dd>\n", stdout);
}

static bool
is_required(struct json_object *schema, const char *name)
{
	struct json_object *required = at(schema, "required");

	for (size_t i = 0; i < length(required); i++)
		if (strcmp(json_object_get_string(item(required, i)), name) == 0)
			return true;
	return false;
}

/* An object's members, and those of objects within it by their paths.  An answer requires nothing
 * of its reader. */
static void
put_members(struct json_object *schema, const char *prefix, bool is_answer)
{
	struct json_object *properties = at(schema, "properties");

	if (properties == NULL)
		return;
	json_object_object_foreach(properties, name, member) {
		struct json_object *items = at(member, "items");
		struct json_object *nested = at(items, "properties") == NULL ? member : items;
		struct buf inner = { 0 };

		put_field(prefix, name, words(member, "description"), member,
		    !is_answer && is_required(schema, name));
		buf_printf(&inner, "%s%s%s.", prefix, name, nested == items ? "[]" : "");
		buf_add(&inner, "", 1);
		put_members(nested, inner.data, is_answer);
		buf_free(&inner);
	}
}

/* Where one of some members is needed: "One of these is needed: a with b, c" */
static void
put_needs(struct json_object *needs)
{
	fputs("<p>One of these is needed: ", stdout);
	for (size_t i = 0; i < length(needs); i++) {
		struct json_object *required = at(item(needs, i), "required");

		fputs(i == 0 ? "" : ", ", stdout);
		for (size_t n = 0; n < length(required); n++) {
			const char *name = json_object_get_string(item(required, n));

			fputs(n == 0 ? "" : " with ", stdout);
			put_code(name);
			if (at(at(item(needs, i), "properties"), name) != NULL)
				fputs(" as <code>true</code>", stdout);
		}
	}
	puts(".</p>");
}

static void
put_fields(struct json_object *schema, bool is_answer)
{
	if (at(schema, "properties") == NULL ||
	    json_object_object_length(at(schema, "properties")) == 0)
		return;
	if (at(schema, "anyOf") != NULL)
		put_needs(at(schema, "anyOf"));
	puts("<dl>");
	put_members(schema, "", is_answer);
	puts("</dl>");
}

/* The member with one value, or two names of it, that tells one variant from the others. */
static void
put_variant(struct json_object *variant)
{
	struct json_object *properties = at(variant, "properties");

	fputs("<details><summary>", stdout);
	json_object_object_foreach(properties, name, member) {
		put_code(name);
		fputs(" is ", stdout);
		put_choices(at(member, "enum"));
		break;
	}
	puts("</summary>");
	put_fields(variant, false);
	puts("</details>");
}

static void
put_body(struct json_object *schema)
{
	struct json_object *variants = at(schema, "oneOf");

	if (variants == NULL && at(schema, "properties") == NULL)
		variants = at(schema, "anyOf");
	for (size_t i = 0; i < length(variants); i++)
		put_variant(schema_of(item(variants, i)));
	if (variants == NULL)
		put_fields(schema, false);
}

/* Endpoints */

static void
put_parameters(struct json_object *operation)
{
	struct json_object *parameters = at(operation, "parameters");

	if (length(parameters) == 0)
		return;
	puts("<h4>In the path and the query</h4>\n<dl>");
	for (size_t i = 0; i < length(parameters); i++) {
		struct json_object *one = item(parameters, i);

		put_field(strcmp(words(one, "in"), "path") == 0 ? ":" : "?", words(one, "name"),
		    words(one, "description"), at(one, "schema"),
		    json_object_get_boolean(at(one, "required")));
	}
	puts("</dl>");
}

/* The path with the examples in it. */
static void
add_target(struct buf *target, const char *path, struct json_object *operation)
{
	struct json_object *parameters = at(operation, "parameters");
	const char *join = "?";

	for (const char *c = path; *c != '\0'; c++) {
		size_t name = strcspn(c, "}");

		if (*c != '{') {
			buf_add(target, c, 1);
			continue;
		}
		for (size_t i = 0; i < length(parameters); i++)
			if (text_is((struct text){ c + 1, name - 1 },
				words(item(parameters, i), "name")))
				buf_text(target, words(item(parameters, i), "example"));
		c += name;
	}
	for (size_t i = 0; i < length(parameters); i++) {
		struct json_object *one = item(parameters, i);

		if (strcmp(words(one, "in"), "query") != 0 || at(one, "example") == NULL)
			continue;
		buf_printf(target, "%s%s=%s", join, words(one, "name"), words(one, "example"));
		join = "&";
	}
	buf_add(target, "", 1);
}

static void
put_example(const char *method, const char *path, struct json_object *operation)
{
	struct json_object *content = at(at(operation, "requestBody"), "content");
	struct json_object *body = at(at(content, "application/json"), "example");
	struct json_object *answer;
	struct buf target = { 0 };

	content = at(at(at(operation, "responses"), "200"), "content");
	answer = at(at(content, "application/json"), "example");
	add_target(&target, path, operation);
	fputs("<h4>Example</h4>\n<pre tabindex=\"0\">", stdout);
	put(method);
	putchar(' ');
	put(target.data);
	buf_free(&target);
	if (body != NULL) {
		fputs("\n\n", stdout);
		put_json(body);
	}
	puts("</pre>");
	if (answer == NULL)
		return;
	fputs("<p>is answered with</p>\n<pre tabindex=\"0\">", stdout);
	put_json(answer);
	puts("</pre>");
}

static void
put_answer(struct json_object *operation)
{
	struct json_object *responses = at(operation, "responses");
	struct json_object *content = at(at(responses, "200"), "content");
	struct json_object *schema = schema_of(at(at(content, "application/json"), "schema"));
	const char *join = "";

	puts("<h4>Answer</h4>");
	put_fields(schema, true);
	json_object_object_foreach(content, type, media) {
		(void)media;
		if (at(schema, "properties") == NULL)
			printf("<p>%s</p>\n", type);
	}
	fputs("<p class=\"note\">Errors: ", stdout);
	json_object_object_foreach(responses, status, response) {
		const char *name = reference(response);

		if (name == NULL || strncmp(name, "Error", 5) != 0)
			continue;
		printf("%s<a href=\"#%s\">%s</a>", join, name, status);
		join = ", ";
	}
	puts("</p>");
}

static const char *
method_name(const char *name)
{
	static const char *const names[][2] = { { "get", "GET" }, { "post", "POST" },
		{ "delete", "DELETE" }, { "put", "PUT" }, { "patch", "PATCH" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

/* The first that has this body, so that the others can point to it. */
static const char *
first_with_body(const char *schema)
{
	json_object_object_foreach(at(document, "paths"), path, methods) {
		(void)path;
		json_object_object_foreach(methods, method, operation) {
			struct json_object *content = at(at(operation, "requestBody"), "content");
			const char *name = reference(at(at(content, "application/json"), "schema"));

			(void)method;
			if (name != NULL && strcmp(name, schema) == 0)
				return words(operation, "operationId");
		}
	}
	return "";
}

static void
put_request(struct json_object *operation)
{
	struct json_object *content = at(at(operation, "requestBody"), "content");
	struct json_object *schema = at(at(content, "application/json"), "schema");
	const char *first;

	put_parameters(operation);
	if (schema == NULL)
		return;
	first = first_with_body(reference(schema));
	puts("<h4>Body</h4>");
	if (strcmp(first, words(operation, "operationId")) == 0) {
		put_body(schema_of(schema));
		return;
	}
	printf("<p>As that of <a href=\"#%s\">", first);
	put_code(first);
	puts("</a>.</p>");
}

static void
put_operation(const char *method, const char *path, struct json_object *operation)
{
	printf("<section class=\"service\" id=\"%s\">\n<h3>", words(operation, "operationId"));
	put(method);
	putchar(' ');
	put_code(path);
	fputs("</h3>\n<p>", stdout);
	put(words(operation, "summary"));
	fputs(". ", stdout);
	put(words(operation, "description"));
	if (at(operation, "security") != NULL)
		fputs("It needs no credentials.", stdout);
	puts("</p>");
	put_request(operation);
	put_answer(operation);
	put_example(method, path, operation);
	puts("</section>");
}

static bool
has_tag(struct json_object *operation, const char *tag)
{
	return strcmp(json_object_get_string(item(at(operation, "tags"), 0)), tag) == 0;
}

static void
put_line_of_contents(const char *method, const char *path, struct json_object *operation)
{
	printf("<li><a href=\"#%s\">", words(operation, "operationId"));
	put(method);
	putchar(' ');
	put_code(path);
	fputs("</a> ", stdout);
	put(words(operation, "summary"));
	puts("</li>");
}

static void
for_each_operation(const char *tag,
    void (*put_one)(const char *method, const char *path, struct json_object *operation))
{
	json_object_object_foreach(at(document, "paths"), path, methods) {
		json_object_object_foreach(methods, method, operation) {
			if (has_tag(operation, tag))
				put_one(method_name(method), path, operation);
		}
	}
}

static void
put_endpoints(void)
{
	struct json_object *tags = at(document, "tags");

	puts("<nav aria-label=\"Endpoints\">");
	for (size_t i = 0; i < length(tags); i++) {
		fputs("<h2>", stdout);
		put(words(item(tags, i), "name"));
		puts("</h2>\n<ul>");
		for_each_operation(words(item(tags, i), "name"), put_line_of_contents);
		puts("</ul>");
	}
	puts("<p><a href=\"#errors\">Errors</a></p>\n</nav>");
	for (size_t i = 0; i < length(tags); i++) {
		fputs("<h2>", stdout);
		put(words(item(tags, i), "name"));
		fputs("</h2>\n<p>", stdout);
		put(words(item(tags, i), "description"));
		puts("</p>");
		for_each_operation(words(item(tags, i), "name"), put_operation);
	}
}

static void
put_errors(void)
{
	struct json_object *components = at(document, "components");

	puts("<section id=\"errors\">\n<h2>Errors</h2>\n<p>One JSON object:</p>");
	put_fields(at(at(components, "schemas"), "Error"), true);
	puts("<dl>");
	json_object_object_foreach(at(components, "responses"), name, response) {
		if (strncmp(name, "Error", 5) != 0)
			continue;
		printf("<dt id=\"%s\">%s</dt>\n<dd>", name, name + 5);
		put(words(response, "description"));
		puts("</dd>");
	}
	puts("</dl>\n</section>");
}

/* Paragraphs have an empty line between them. */
static void
put_introduction(void)
{
	struct json_object *info = at(document, "info");
	const char *text = words(info, "description");

	puts("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	     "<meta name=\"color-scheme\" content=\"light dark\">\n"
	     "<title>agora-backend: API reference</title>\n"
	     "<link rel=\"icon\" href=\"icon.svg\">\n"
	     "<link rel=\"stylesheet\" href=\"console.css\">\n</head>\n<body>\n<header>\n"
	     "<h1>agora-backend <span>API reference</span></h1>\n"
	     "<p><a href=\"./\">Console</a></p>\n</header>\n<main>\n<p>");
	for (; *text != '\0'; text++) {
		const char one[] = { *text, '\0' };

		if (strncmp(text, "\n\n", 2) == 0) {
			puts("</p>\n<p>");
			text++;
		} else {
			put(one);
		}
	}
	fputs("</p>\n<p>Version ", stdout);
	put(words(info, "version"));
	puts(". The same for programs: <a href=\"../openapi.json\">openapi.json</a>.</p>");
}

int
main(void)
{
	struct buf text = { 0 };
	struct json_error error;

	openapi_write(&text, routes, route_count, TEXT(""));
	document = json_read(buf_view(&text), 0, &error);
	buf_free(&text);
	if (document == NULL)
		return 1;
	put_introduction();
	put_endpoints();
	put_errors();
	puts("</main>\n</body>\n</html>");
	json_object_put(document);
	return fflush(stdout) == 0 ? 0 : 1;
}
