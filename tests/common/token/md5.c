#include "md5.h"
#include "unit.h"

static void
known_texts(void)
{
	/* RFC 1321 section A.5, and the user of the reference's APaaS vectors. */
	static const struct {
		const char *text, *digest;
	} cases[] = {
		{ "", "d41d8cd98f00b204e9800998ecf8427e" },
		{ "a", "0cc175b9c0f1b6a831c399e269772661" },
		{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
		{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
		{ "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		    "d174ab98d277d9f5a5611c2c9f419d9f" },
		{ "1234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "0",
		    "57edf4a22be3c955ac49da2e2107b67a" },
		{ "teacher-1", "afb653f8bb63d07aa138168f2f30acbb" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].text);
		char digest[33];

		md5_hex(guarded(cases[i].text, length), length, digest);
		CHECK(strcmp(digest, cases[i].digest) == 0, cases[i].text);
	}
}

/* Where the padding needs a block more: bytes 0, 1, 2, ... of these lengths. */
static void
block_borders(void)
{
	static const struct {
		size_t length;
		const char *digest;
	} cases[] = {
		{ 55, "6912ee65fff2d9f9ce2508cddf8bcda0" },
		{ 56, "51fdd1acda72405dfdfa03fcb85896d7" },
		{ 57, "5320ef4c17ef34a0cf2db763338d25eb" },
		{ 58, "9f4f41b5cde885f94cfc0e06e78f929d" },
		{ 59, "e39965bc00ecacd90fd875f77eff499a" },
		{ 60, "63ed72093ae09e2c8553ee069e63d702" },
		{ 61, "0d08fc14ac5baa37792377355dbad0ae" },
		{ 62, "f3cdffe2e160a061754a06dafcfd688b" },
		{ 63, "48a6295221902e8e0938f773a7185e72" },
		{ 64, "b2d3f56bc197fd985d5965079b5e7148" },
		{ 65, "8bd7053801c768420faf816fadba971c" },
		{ 119, "1c772251899a7ff007400b888d6b2042" },
		{ 120, "b7ba1efc6022e9ed272f00b8831e26e6" },
		{ 121, "b0b2d719a838db877b6d6571a39a1cdc" },
		{ 122, "800aa956ec16f603ecdba66c2dc6e4cf" },
		{ 123, "8827d2778287c58a242acd4c549beb31" },
		{ 124, "cfbc5aa0b61103c1a982d8927b26f575" },
		{ 125, "a1f5b691f74f566a2be1765731084f8a" },
		{ 126, "80749be03f5724fa4ca0aef8909379b7" },
		{ 127, "8402b21e7bc7906493bae0dac017f1f9" },
		{ 128, "37eff01866ba3f538421b30b7cbefcac" },
		{ 129, "46f986692847558fc38b0cece591c20f" },
		{ 256, "e2c865db4162bed963bfaa9ef6ac18f0" },
	};
	unsigned char bytes[256];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char digest[33];

		md5_hex(guarded(bytes, cases[i].length), cases[i].length, digest);
		CHECK(strcmp(digest, cases[i].digest) == 0, cases[i].digest);
	}
}

CU_TestInfo token_md5_tests[] = {
	{ "known texts", known_texts },
	{ "block borders", block_borders },
	CU_TEST_INFO_NULL,
};
