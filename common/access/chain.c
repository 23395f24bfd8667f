#include <sodium.h>

#include "chain.h"
#include "field.h"

/* key' = hash(key, what): one way, and another for each `what`. */
static void
derive(unsigned char out[CHAIN_KEY], const unsigned char key[CHAIN_KEY], const char *what,
    struct text more)
{
	unsigned char derived[CHAIN_KEY];
	crypto_generichash_state state;

	crypto_generichash_init(&state, key, CHAIN_KEY, CHAIN_KEY);
	crypto_generichash_update(&state, (const unsigned char *)what, strlen(what) + 1);
	crypto_generichash_update(&state, (const unsigned char *)more.data, more.length);
	crypto_generichash_final(&state, derived, CHAIN_KEY);
	memcpy(out, derived, CHAIN_KEY);
	sodium_memzero(derived, sizeof(derived));
	sodium_memzero(&state, sizeof(state));
}

bool
is_chain_key(struct text digits, struct field_error *error)
{
	unsigned char key[CHAIN_KEY];
	const bool good = digits.length == 2 * CHAIN_KEY && hex_decode(digits, key);

	sodium_memzero(key, sizeof(key));
	if (!good)
		field_rule(error, "must be %d hexadecimal digits, as `openssl rand -hex %d` prints",
		    2 * CHAIN_KEY, CHAIN_KEY);
	return good;
}

static void
begin_epoch(struct chain *chain)
{
	derive(chain->key, chain->epoch, "agora audit record", TEXT(""));
	derive(chain->epoch, chain->epoch, "agora audit epoch", TEXT(""));
}

void
chain_new_key(unsigned char key[CHAIN_KEY])
{
	randombytes_buf(key, CHAIN_KEY);
}

void
chain_begin(struct chain *chain, const unsigned char key[CHAIN_KEY], const char *id)
{
	memcpy(chain->id, id, RANDOM_ID_SIZE);
	chain->seq = 0;
	derive(chain->epoch, key, "agora audit chain", text_of(id));
	begin_epoch(chain);
}

void
chain_seek(struct chain *chain, uint64_t seq)
{
	while (seq / CHAIN_EPOCH > chain->seq / CHAIN_EPOCH) {
		begin_epoch(chain);
		chain->seq = (chain->seq / CHAIN_EPOCH + 1) * CHAIN_EPOCH;
	}
	for (; chain->seq < seq; chain->seq++)
		derive(chain->key, chain->key, "agora audit next", TEXT(""));
}

static void
authenticate(const struct chain *chain, struct text line, unsigned char mac[CHAIN_MAC])
{
	crypto_generichash(
	    mac, CHAIN_MAC, (const unsigned char *)line.data, line.length, chain->key, CHAIN_KEY);
}

/* How a line's members are written in each format: a JSON object's line begins with its brace. */
static const struct form {
	const char *chain, *seq, *mac, *end;
} logfmt = { " chain=", " seq=", " mac=", "" },
  json = { ",\"chain\":\"", "\",\"seq\":", ",\"mac\":\"", "\"}" };

void
chain_seal(struct chain *chain, struct buf *out, struct text line)
{
	const bool is_json = line.length > 0 && line.data[0] == '{';
	const struct form *form = is_json ? &json : &logfmt;
	const size_t start = out->length;
	unsigned char mac[CHAIN_MAC];

	buf_add(out, line.data, line.length - (is_json ? 2 : 1));
	buf_text(out, form->chain);
	buf_text(out, chain->id);
	buf_text(out, form->seq);
	buf_number(out, (int64_t)chain->seq);
	authenticate(chain, (struct text){ out->data + start, out->length - start }, mac);
	buf_text(out, form->mac);
	buf_hex(out, mac, sizeof(mac));
	buf_text(out, form->end);
	buf_text(out, "\n");
	chain_seek(chain, chain->seq + 1);
}

/* Takes that off the end of the text. */
static bool
take_end(struct text *text, const char *end)
{
	const size_t length = strlen(end);

	if (text->length < length || memcmp(text->data + text->length - length, end, length) != 0)
		return false;
	text->length -= length;
	return true;
}

/* Takes so many bytes off the end. */
static bool
take_last(struct text *text, size_t length, struct text *taken)
{
	if (text->length < length)
		return false;
	text->length -= length;
	*taken = (struct text){ text->data + text->length, length };
	return true;
}

static bool
is_id(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!(text.data[i] >= 'a' && text.data[i] <= 'z') &&
		    !(text.data[i] >= '2' && text.data[i] <= '7'))
			return false;
	return true;
}

/* Lower case alone: no line may be written in two ways. */
static bool
is_hex(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!(text.data[i] >= '0' && text.data[i] <= '9') &&
		    !(text.data[i] >= 'a' && text.data[i] <= 'f'))
			return false;
	return true;
}

bool
chain_read(struct text line, struct chain_line *out)
{
	const struct form *form = line.length > 0 && line.data[0] == '{' ? &json : &logfmt;
	struct text digits = { NULL, 0 }, mac, id;

	if (!take_end(&line, form->end) || !take_last(&line, 2 * sizeof(out->mac), &mac) ||
	    !is_hex(mac) || !hex_decode(mac, out->mac) || !take_end(&line, form->mac))
		return false;
	out->signed_part = line;
	while (line.length > 0 && line.data[line.length - 1] >= '0' &&
	    line.data[line.length - 1] <= '9') {
		line.length--;
		digits = (struct text){ line.data + line.length, digits.length + 1 };
	}
	if (!text_number(digits, CHAIN_SEQ_MAX - 1, &out->seq) ||
	    (digits.length > 1 && digits.data[0] == '0') || !take_end(&line, form->seq) ||
	    !take_last(&line, RANDOM_ID_SIZE - 1, &id) || !is_id(id) ||
	    !take_end(&line, form->chain))
		return false;
	memcpy(out->id, id.data, id.length);
	out->id[id.length] = '\0';
	return true;
}

bool
chain_verify(const struct chain *chain, const struct chain_line *line)
{
	unsigned char mac[CHAIN_MAC];

	authenticate(chain, line->signed_part, mac);
	return sodium_memcmp(mac, line->mac, sizeof(mac)) == 0;
}
