/* services.h - what the handlers of tokens and of Agora's products work with, whatever they do. */
#ifndef TOKENS_SERVICES_H
#define TOKENS_SERVICES_H

#include "agoratoken.h"
#include "exchange.h"
#include "field.h"

/* What signs. */
struct token_settings {
	struct text app_id;
	struct text certificate;
	struct text second_certificate; /* verifies, and does not sign; absent: none */
};

/* Both settings required; or, for looking at tokens, wanted but not required. */
extern const struct table token_settings_table;
extern const struct table token_settings_optional_table;

/* The context of their exchange. */
struct services {
	const struct token_settings *settings; /* the default project */
	struct agora_codec *codec;
	struct rest *rest;              /* Agora's REST services */
	char text[AGORA_TOKEN_MAX + 1]; /* the token in the making */
};

static inline struct services *
services_of(const struct exchange *exchange)
{
	return exchange->context;
}

/* The project that an exchange is about: the grant's or its own choice, else the settings'. */
struct token_settings services_project(const struct exchange *exchange);

#endif
