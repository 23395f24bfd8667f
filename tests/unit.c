/* Runs all unit tests; `unit NAME` runs the suite of that name. */
#include <CUnit/Automated.h>
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "unit.h"

#ifdef HAVE_CURL
#define CLIENT_SUITES(S) S(upstream_upstream)
#else
#define CLIENT_SUITES(S)
#endif

#define SUITES(S)                                                                                  \
	S(token_builders)                                                                          \
	S(token_codec)                                                                             \
	S(token_deflate)                                                                           \
	S(token_md5)                                                                               \
	S(token_parse)                                                                             \
	S(token_sign)                                                                              \
	S(token_vectors)                                                                           \
	S(base_address)                                                                            \
	S(base_buf)                                                                                \
	S(base_field)                                                                              \
	S(base_json)                                                                               \
	S(base_log)                                                                                \
	S(base_options)                                                                            \
	S(base_clock)                                                                              \
	S(base_metrics)                                                                            \
	S(base_random)                                                                             \
	S(base_record)                                                                             \
	S(base_settings)                                                                           \
	S(base_text)                                                                               \
	S(access_audit)                                                                            \
	S(access_chain)                                                                            \
	S(access_caller)                                                                           \
	S(access_grant)                                                                            \
	S(access_jwt)                                                                              \
	S(access_keys)                                                                             \
	S(access_limit)                                                                            \
	S(access_policy)                                                                           \
	S(access_remote_keys)                                                                      \
	S(http_request)                                                                            \
	S(http_response)                                                                           \
	S(http_route)                                                                              \
	S(services_inspect)                                                                        \
	S(services_lists)                                                                          \
	S(services_objects)                                                                        \
	S(services_names)                                                                          \
	S(services_tokens)                                                                         \
	S(api_app)                                                                                 \
	S(api_config)                                                                              \
	S(api_cors)                                                                                \
	S(api_host)                                                                                \
	S(api_inspect)                                                                             \
	S(api_openapi)                                                                             \
	S(api_routes)                                                                              \
	S(api_status)                                                                              \
	S(api_system)                                                                              \
	S(fcgi_codec)                                                                              \
	S(fcgi_sandbox)                                                                            \
	S(fcgi_loop)                                                                               \
	S(fcgi_framing)                                                                            \
	CLIENT_SUITES(S)

#define DECLARE(name) extern CU_TestInfo name##_tests[];
#define ROW(name) { #name, NULL, NULL, NULL, NULL, name##_tests },

SUITES(DECLARE)

const char *
guarded(const void *bytes, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (length + page - 1) / page * page;
	char *map =
	    mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + room, page, PROT_NONE) != 0)
		abort();
	if (length > 0)
		memcpy(map + room - length, bytes, length);
	return map + room - length;
}

struct text
test_file(const char *path)
{
	const char *srcdir = getenv("srcdir");
	char name[4096];
	struct buf content = { 0 };
	FILE *file;
	size_t n;

	snprintf(name, sizeof(name), "%s/tests/%s", srcdir == NULL ? "." : srcdir, path);
	file = fopen(name, "rb");
	if (file == NULL) {
		perror(name);
		exit(1);
	}
	while ((n = fread(buf_reserve(&content, 65536), 1, 65536, file)) > 0)
		content.length += n;
	fclose(file);
	buf_add(&content, "", 1);
	return (struct text){ content.data, content.length - 1 };
}

int
main(int argc, char **argv)
{
	CU_SuiteInfo suites[] = { SUITES(ROW) CU_SUITE_INFO_NULL };
	unsigned failed;

	if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
		return 1;
	CU_basic_set_mode(CU_BRM_NORMAL);
	if (argc > 1) {
		CU_pSuite suite = CU_get_suite(argv[1]);

		if (suite == NULL) {
			fprintf(stderr, "there is no suite %s\n", argv[1]);
			return 1;
		}
		CU_basic_run_suite(suite);
	} else {
		CU_basic_run_tests();
	}
	log_flush();
	failed = CU_get_number_of_tests_failed();
	printf("\n%u passed, %u failed\n", CU_get_number_of_tests_run() - failed, failed);
	CU_cleanup_registry();
	return failed == 0 ? 0 : 1;
}
