#include "json.h"
#include "objects.h"
#include "redact.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct json_object *
read(const char *text)
{
	struct json_error error;

	return json_read(text_of(text), 0, &error);
}

static void
knows_whose_an_object_is(void)
{
	static const struct {
		const char *object;
		bool is, otherwise; /* where the object's word is missing: false, and true */
	} cases[] = {
		{ "{\"rtcChannel\":\"room\"}", true, true },
		{ "{\"channelName\":\"room\"}", true, true },
		{ "{\"channel\":\"room\",\"status\":\"x\"}", true, true },
		{ "{\"cname\":\"room\"}", true, true },
		{ "{\"transcodeOptions\":{\"rtcChannel\":\"room\"}}", true, true },
		{ "{\"rawOptions\":{\"rtcChannel\":\"room\",\"rtcStreamUid\":1}}", true, true },
		{ "{\"rtcChannel\":\"hall\"}", false, false },
		{ "{\"rtcChannel\":\"Room\"}", false, false },
		{ "{\"rtcChannel\":\"room \"}", false, false },
		{ "{\"rtcChannel\":\"\"}", false, false },
		{ "{\"rtcChannel\":7}", false, false },
		{ "{\"rtcChannel\":[\"room\"]}", false, false },
		{ "{\"rtcChannel\":\"room\",\"channelName\":\"hall\"}", false, false },
		{ "{\"rtcChannel\":\"room\",\"rawOptions\":{\"rtcChannel\":\"hall\"}}", false,
		    false },
		{ "{\"rawOptions\":{\"rtcChannel\":\"hall\"}}", false, false },
		{ "{\"id\":\"room\"}", false, true },
		{ "{\"rtcChannel\":null}", false, true },
		{ "{\"rawOptions\":\"room\"}", false, true },
		{ "{}", false, true },
		{ "[]", false, false },
		{ "null", false, false },
		{ "\"room\"", false, false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *object = read(cases[i].object);

		CHECK(object_is_in(object, TEXT("room"), false) == cases[i].is, cases[i].object);
		CHECK(object_is_in(object, TEXT("room"), true) == cases[i].otherwise,
		    cases[i].object);
		json_object_put(object);
	}
}

static void
finds_keys_in_urls(void)
{
	static const struct {
		const char *url, *key, *user;
	} cases[] = {
		{ "rtmp://host/app/key", "key", "" },
		{ "rtmp://host/app/key/more", "key/more", "" },
		{ "rtmp://host/app/key?a=b/c", "key?a=b/c", "" },
		{ "rtmp://host/app?key=a/b", "app?key=a/b", "" },
		{ "rtmp://host/key", "key", "" },
		{ "rtmp://host/key/", "key/", "" },
		{ "rtmp://host:1935/app//key", "/key", "" },
		{ "srt://host:9000?streamid=key", "streamid=key", "" },
		{ "https://ann:pass@host/a.m3u8#t", "a.m3u8#t", "ann:pass" },
		{ "https://a@b:c@host/x/y", "y", "a@b:c" },
		{ "https://host/x/a@b", "a@b", "" },
		{ "rtmp://host", "", "" },
		{ "rtmp://host/", "", "" },
		{ "host/app/key", "key", "" },
		{ "", "", "" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const size_t length = strlen(cases[i].url);
		const struct text url = { guarded(cases[i].url, length), length };

		CHECK(same_text(stream_url_key(url), cases[i].key), cases[i].url);
		CHECK(same_text(stream_url_user(url), cases[i].user), cases[i].url);
	}
}

static void
hides_secrets(void)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{ "{\"rtmpUrl\":\"rtmp://h/app/key\"}", "{\"rtmpUrl\":\"rtmp://h/app/***\"}" },
		{ "{\"members\":[{\"RtmpURL\":\"rtmp://u:p@h/app/key\",\"id\":\"1\"}]}",
		    "{\"members\":[{\"RtmpURL\":\"rtmp://***@h/app/***\",\"id\":\"1\"}]}" },
		{ "{\"players\":[{\"streamUrl\":\"https://h/a.mp4?k=secret\"}]}",
		    "{\"players\":[{\"streamUrl\":\"https://h/***\"}]}" },
		{ "{\"serverResponse\":{\"extensionServiceState\":[{\"payload\":{\"outputs\":"
		  "[{\"rtmpUrl\":\"rtmp://h/a/k\",\"status\":\"publishing\"}]}}]}}",
		    "{\"serverResponse\":{\"extensionServiceState\":[{\"payload\":{\"outputs\":"
		    "[{\"rtmpUrl\":\"rtmp://h/a/***\",\"status\":\"publishing\"}]}}]}}" },
		{ "{\"storageConfig\":{\"accessKey\":\"a\",\"secretkey\":7,\"bucket\":\"b\"}}",
		    "{\"storageConfig\":{\"accessKey\":\"***\",\"secretkey\":\"***\","
		    "\"bucket\":\"b\"}}" },
		{ "{\"rtcConfig\":{\"pubBotToken\":\"t\",\"secret\":[\"s\"],\"salt\":null}}",
		    "{\"rtcConfig\":{\"pubBotToken\":\"***\",\"secret\":\"***\",\"salt\":null}}" },
		{ "{\"rtmpUrl\":null,\"streamUrl\":{\"streamKey\":\"k\"}}",
		    "{\"rtmpUrl\":null,\"streamUrl\":{\"streamKey\":\"***\"}}" },
		{ "{\"status\":\"running\",\"fileList\":\"a/b.m3u8\"}",
		    "{\"status\":\"running\",\"fileList\":\"a/b.m3u8\"}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *object = read(cases[i].from);

		object_hide_secrets(object);
		CHECK(same_text(text_of(json_object_to_json_string_ext(object,
				    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)),
			  cases[i].to),
		    cases[i].from);
		json_object_put(object);
	}
}

CU_TestInfo services_objects_tests[] = {
	{ "knows whose an object is", knows_whose_an_object_is },
	{ "finds keys in URLs", finds_keys_in_urls },
	{ "hides secrets", hides_secrets },
	CU_TEST_INFO_NULL,
};
