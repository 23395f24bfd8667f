#include "content.h"

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif

/*
 * Calls of malloc and its like.  With AddressSanitizer, which has its own, its hook counts them;
 * otherwise these take the place of the C library's, and can fail.
 */
static unsigned long allocations;

#if defined(ADDRESS_SANITIZER)

extern int __sanitizer_install_malloc_and_free_hooks(
    void (*allocated)(const volatile void *, size_t), void (*released)(const volatile void *));

static void
count_malloc(const volatile void *memory, size_t size)
{
	(void)memory;
	(void)size;
	allocations++;
}

static void
count_free(const volatile void *memory)
{
	(void)memory;
}

static void
begin_counting(void)
{
	static bool installed;

	if (!installed && __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free) == 0)
		abort();
	installed = true;
}

#else

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void __libc_free(void *memory);

static unsigned long fails_at; /* the number of the call that gets no memory; 0: none */
static long in_use;            /* memories that were not given back */

static bool
fails(void)
{
	return ++allocations == fails_at;
}

static void *
given(void *memory)
{
	in_use += memory != NULL;
	return memory;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : given(__libc_malloc(size));
}

void *
calloc(size_t count, size_t size)
{
	return fails() ? NULL : given(__libc_calloc(count, size));
}

void *
realloc(void *memory, size_t size)
{
	if (fails())
		return NULL;
	in_use -= memory != NULL;
	return given(__libc_realloc(memory, size));
}

void
free(void *memory)
{
	in_use -= memory != NULL;
	__libc_free(memory);
}

static void
begin_counting(void)
{
}

/* Whichever allocation fails, the codec is not opened and nothing stays behind. */
static void
no_memory(void)
{
	unsigned long n = 0;
	struct agora_codec *codec = NULL;

	while (codec == NULL) {
		long before = in_use, after;

		fails_at = allocations + ++n;
		codec = agora_codec_open();
		fails_at = 0;
		after = in_use;
		CHECK(codec != NULL || before == after, "what is left in use");
	}
	CHECK(n > 1, "it failed at least once");
	agora_codec_close(codec);
}

#endif

#define ROUNDS 3

/* Without it "nothing is allocated" would pass where nothing is counted. */
static void
counting_works(void)
{
	unsigned long before;
	struct agora_codec *codec;

	begin_counting();
	before = allocations;
	codec = agora_codec_open();
	CHECK(codec != NULL, "open");
	CHECK(allocations > before, "allocations are counted");
	agora_codec_close(codec);
}

/* Tokens of every kind of end, some of which leave zlib in the middle of a stream. */
struct sample {
	const char *name;
	struct text text;
};
#define SAMPLES 10
static struct sample samples[SAMPLES];

static void
fill_samples(void)
{
	static const char v006[] =
	    "0060123456789abcdef0123456789abcdefIAAnODc3QjGjRabGkoxDvPStfnhlU1c7w25zNG5Gre5xB6DfQtY"
	    "AAAAAIgAJAwAAANd1ZwQAAQCQk3RnAgCQk3RnAwCQk3RnBACQk3Rn";
	struct buf good = { 0 }, large = { 0 }, bomb = { 0 }, token, copy = { 0 };
	struct buf stored, text = { 0 };

	if (samples[0].name != NULL)
		return;
	put_head(&good, 1);
	put_rtc(&good);
	sign_content(&good, CERTIFICATE);
	token = token_of(good.data, good.length);
	samples[0] = (struct sample){ "good", buf_view(&token) };
	samples[1] = (struct sample){ "cut", { token.data, token.length - 8 } };
	buf_add(&copy, token.data, token.length);
	copy.data[40] = copy.data[40] == 'A' ? 'B' : 'A';
	samples[2] = (struct sample){ "damaged", buf_view(&copy) };
	samples[3] = (struct sample){ "not base64", TEXT("007eJ!") };
	samples[4] = (struct sample){ "old version", text_of(v006) };
	samples[5] = (struct sample){ "empty", TEXT("") };

	/* 60,000 bytes: the whole window is used, over and over. */
	put_head(&large, 1);
	put_16(&large, AGORA_RTM);
	put_16(&large, 0);
	put_16(&large, 60000);
	memset(buf_reserve(&large, 60000), 'u', 60000);
	large.length += 60000;
	sign_content(&large, CERTIFICATE);
	token = token_of(large.data, large.length);
	samples[6] = (struct sample){ "large", buf_view(&token) };

	memset(buf_reserve(&bomb, 1 << 20), 0, 1 << 20);
	bomb.length = 1 << 20;
	token = token_of(bomb.data, bomb.length);
	samples[7] = (struct sample){ "bomb", buf_view(&token) };

	stored = deflated(good.data, good.length, 0, 15);
	buf_text(&text, "007");
	put_base64(&text, stored.data, stored.length);
	samples[8] = (struct sample){ "stored", buf_view(&text) };
	good.data[HEAD_LENGTH] = 11;
	token = token_of(good.data, good.length);
	samples[9] = (struct sample){ "unknown service", buf_view(&token) };
	buf_free(&good);
	buf_free(&large);
	buf_free(&bomb);
	buf_free(&stored);
}

/* Parses, verifies and walks; the content's bytes when the text was good. */
static enum agora_error
read_token(struct agora_codec *codec, struct text text, struct agora_parsed *parsed)
{
	enum agora_error error = agora_token_parse(codec, text.data, text.length, parsed);
	struct agora_walk walk = { 0 };
	struct agora_service service;

	while (agora_service_next(parsed, &walk, &service))
		continue;
	if (error != AGORA_OK)
		return error;
	return agora_token_verify(parsed, CERTIFICATE, agora_text_of("demo"), agora_text_of(""));
}

static enum agora_error
write_token(struct agora_codec *codec, char out[AGORA_TOKEN_MAX + 1], size_t channel_length)
{
	static const char channel[AGORA_STRING_MAX];
	const struct agora_service service = {
		.type = AGORA_RTC, .channel = { channel, channel_length }, .user = { "", 0 }
	};
	const struct agora_token token = {
		.app_id = APP_ID, .issue_ts = 1, .services = &service, .service_count = 1
	};

	return agora_token_sign(codec, &token, CERTIFICATE, out, NULL);
}

static void
nothing_is_allocated(void)
{
	struct agora_codec *codec = agora_codec_open();
	char out[AGORA_TOKEN_MAX + 1];

	begin_counting();
	fill_samples();
	for (size_t i = 0; i < SAMPLES; i++) {
		unsigned long before = allocations;
		struct agora_parsed parsed;

		/* The very first use counts too. */
		read_token(codec, samples[i].text, &parsed);
		CHECK(allocations == before, samples[i].name);
	}
	for (size_t n = 0; n < AGORA_STRING_MAX; n += 13000) {
		unsigned long before = allocations;

		CHECK(write_token(codec, out, n) == AGORA_OK, "sign");
		CHECK(allocations == before, "sign");
	}
	agora_codec_close(codec);
}

/* After whatever came before, a codec gives what a fresh one gives. */
static void
reuse(void)
{
	struct agora_codec *codec = agora_codec_open();
	char expected[AGORA_TOKEN_MAX + 1], out[AGORA_TOKEN_MAX + 1];

	fill_samples();
	CHECK(write_token(codec, expected, 4) == AGORA_OK, "sign");
	for (size_t i = 0; i < ROUNDS * SAMPLES * SAMPLES; i++) {
		const struct sample *first = &samples[i / SAMPLES % SAMPLES];
		const struct sample *second = &samples[i % SAMPLES];
		struct agora_codec *fresh = agora_codec_open();
		struct agora_parsed parsed, reference;
		enum agora_error error;

		read_token(codec, first->text, &parsed);
		/* Only some rounds, so that the parsers meet the other's leftovers as well. */
		if (i / SAMPLES / SAMPLES == 1)
			CHECK(write_token(codec, out, 4) == AGORA_OK && strcmp(out, expected) == 0,
			    first->name);
		if (i / SAMPLES / SAMPLES == 2)
			CHECK(write_token(codec, out, AGORA_STRING_MAX) == AGORA_TOO_LARGE,
			    first->name);
		error = read_token(codec, second->text, &parsed);
		CHECK(error == read_token(fresh, second->text, &reference), second->name);
		CHECK(parsed.version == reference.version &&
			parsed.service_count == reference.service_count &&
			parsed.services_read == reference.services_read &&
			parsed.complete == reference.complete &&
			parsed.signed_info.length == reference.signed_info.length,
		    second->name);
		if (reference.signed_info.length > 0)
			CHECK(memcmp(parsed.signed_info.data, reference.signed_info.data,
				  reference.signed_info.length) == 0,
			    second->name);
		agora_codec_close(fresh);
	}
	agora_codec_close(codec);
}

/* The samples are what their names say, or the tests above prove little. */
static void
samples_are_known(void)
{
	static const enum agora_error expected[SAMPLES] = { AGORA_OK, AGORA_TRUNCATED,
		AGORA_BAD_ZLIB, AGORA_BAD_BASE64, AGORA_OK, AGORA_EMPTY, AGORA_OK, AGORA_TOO_LARGE,
		AGORA_OK, AGORA_BAD_SIGNATURE };
	struct agora_codec *codec = agora_codec_open();

	fill_samples();
	for (size_t i = 0; i < SAMPLES; i++) {
		struct agora_parsed parsed;

		CHECK(read_token(codec, samples[i].text, &parsed) == expected[i], samples[i].name);
	}
	agora_codec_close(codec);
}

/* Views are into the codec: the text may go as soon as it is parsed. */
static void
text_may_go(void)
{
	struct agora_codec *codec = agora_codec_open();

	fill_samples();
	for (size_t i = 0; i < SAMPLES; i++) {
		struct text text = samples[i].text;
		char *copy = malloc(text.length + 1);
		struct agora_parsed parsed;
		enum agora_error error;

		memcpy(copy, text.data, text.length);
		error = agora_token_parse(codec, copy, text.length, &parsed);
		free(copy);
		if (error != AGORA_OK || !parsed.complete)
			continue;
		CHECK(same_text(text_from(parsed.app_id), APP_ID), samples[i].name);
		CHECK(agora_token_verify(&parsed, CERTIFICATE, agora_text_of("demo"),
			  agora_text_of("")) == AGORA_OK,
		    samples[i].name);
	}
	agora_codec_close(codec);
}

static void
close_nothing(void)
{
	agora_codec_close(NULL);
}

static void
hex32(void)
{
	static const struct {
		const char *text;
		bool expected;
	} cases[] = {
		{ "0123456789abcdef0123456789abcdef", true },
		{ "0123456789ABCDEFabcdef0123456789", true },
		{ "", false },
		{ "0123456789abcdef0123456789abcde", false },
		{ "0123456789abcdef0123456789abcdef0", false },
		{ "/123456789abcdef0123456789abcdef", false },
		{ ":123456789abcdef0123456789abcdef", false },
		{ "@123456789abcdef0123456789abcdef", false },
		{ "G123456789abcdef0123456789abcdef", false },
		{ "`123456789abcdef0123456789abcdef", false },
		{ "0123456789abcdef0123456789abcdeg", false },
		{ "01 23 45 67 89 ab cd ef 01 23 45", false },
		{ "0123456789abcdef0123456789abcd\xef\xbd", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = strlen(cases[i].text);

		CHECK(agora_is_hex32(guarded(cases[i].text, length), length) == cases[i].expected,
		    cases[i].text);
	}
	CHECK(!agora_is_hex32("0123456789abcdef0123456789abcde", 32), "NUL at the end");
}

/* Every error has its own code and a message without a full stop; other numbers have one too. */
static void
error_texts(void)
{
	for (int i = AGORA_OK; i <= AGORA_DUPLICATE_PRIVILEGE; i++) {
		const char *code = agora_error_code((enum agora_error)i);
		const char *message = agora_error_message((enum agora_error)i);

		CHECK(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(code) &&
			strlen(code) > 0 && strcmp(code, "unknown") != 0,
		    code);
		CHECK(strlen(message) > 0 && message[strlen(message) - 1] != '.' &&
			strcmp(message, "unknown error") != 0,
		    code);
		for (int n = AGORA_OK; n < i; n++)
			CHECK(strcmp(code, agora_error_code((enum agora_error)n)) != 0, code);
	}
	CHECK(strcmp(agora_error_code((enum agora_error)99), "unknown") == 0, "99");
	CHECK(strcmp(agora_error_message((enum agora_error)99), "unknown error") == 0, "99");
}

static void
names(void)
{
	static const struct {
		uint16_t type, id;
		const char *service, *privilege;
	} cases[] = {
		{ 0, 1, NULL, NULL },
		{ 1, 0, "RTC", NULL },
		{ 1, 1, "RTC", "joinChannel" },
		{ 1, 2, "RTC", "publishAudioStream" },
		{ 1, 3, "RTC", "publishVideoStream" },
		{ 1, 4, "RTC", "publishDataStream" },
		{ 1, 5, "RTC", NULL },
		{ 2, 1, "RTM", "login" },
		{ 2, 2, "RTM", NULL },
		{ 3, 1, "Streaming", "publishMixStream" },
		{ 3, 2, "Streaming", "publishRawStream" },
		{ 4, 1, "FPA", "login" },
		{ 5, 1, "Chat", "user" },
		{ 5, 2, "Chat", "app" },
		{ 6, 1, "FCDN", "publish" },
		{ 6, 2, "FCDN", "play" },
		{ 7, 1, "APaaS", "roomUser" },
		{ 7, 2, "APaaS", "user" },
		{ 7, 3, "APaaS", "app" },
		{ 8, 1, "RTM2", "login" },
		{ 9, 1, "ConvoAI", NULL },
		{ 10, 1, "STT", NULL },
		{ 11, 1, NULL, NULL },
		{ UINT16_MAX, UINT16_MAX, NULL, NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *service = agora_service_name(cases[i].type);
		const char *privilege = agora_privilege_name(cases[i].type, cases[i].id);
		char name[32];

		snprintf(name, sizeof(name), "%u.%u", cases[i].type, cases[i].id);
		CHECK(service == NULL ? cases[i].service == NULL
				      : same_text(text_of(service), cases[i].service),
		    name);
		CHECK(privilege == NULL ? cases[i].privilege == NULL
					: same_text(text_of(privilege), cases[i].privilege),
		    name);
	}
	CHECK(same_text(text_of(agora_privilege_name_006(1)), "joinChannel"), "006");
	CHECK(same_text(text_of(agora_privilege_name_006(4)), "publishDataStream"), "006");
	CHECK(same_text(text_of(agora_privilege_name_006(1000)), "rtmLogin"), "006");
	CHECK(agora_privilege_name_006(5) == NULL, "006");
}

CU_TestInfo token_codec_tests[] = {
#if !defined(ADDRESS_SANITIZER)
	{ "no memory", no_memory },
#endif
	{ "counting works", counting_works },
	{ "nothing is allocated", nothing_is_allocated },
	{ "samples are known", samples_are_known },
	{ "reuse", reuse },
	{ "text may go", text_may_go },
	{ "close nothing", close_nothing },
	{ "hex32", hex32 },
	{ "error texts", error_texts },
	{ "names", names },
	CU_TEST_INFO_NULL,
};
